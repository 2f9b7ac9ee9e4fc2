from nbhelpers.cli import main

main()
