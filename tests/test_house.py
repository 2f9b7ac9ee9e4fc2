"""The house stands: a wing imports only from those below it, and no two modules import each other."""

import ast
import graphlib
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
# From the roof to the ground; a wing is a folder or, where one file is enough, a module.
WINGS = (
    *("__main__", "cli", "bench", "course", "explorer", "comparison", "files", "registry", "methods"),
    *("networks", "rows", "linear", "evaluation", "photos", "colour", "hints"),
    *("widgets", "system", "paths", "errors", "__init__"),
)


def modules_of(root):
    """{dotted name below nbhelpers: source} of a package folder; a folder's `__init__` is `<wing>.__init__`."""
    files = sorted((root / "nbhelpers").rglob("*.py"))
    return {".".join(file.relative_to(root / "nbhelpers").with_suffix("").parts): file.read_text() for file in files}


def imported(source, modules):
    """The modules of the package that a source imports anywhere, inside functions too; "?..." for what is hidden."""
    for node in ast.walk(ast.parse(source)):
        names = []
        if isinstance(node, ast.ImportFrom):
            if node.level:
                yield "?a relative import"
                continue
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [f"{alias.name}.?" for alias in node.names]
        elif isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in (
            "import_module",
            "__import__",
        ):
            yield f"?{ast.unparse(node)}"
        for name in names:
            parts = name.removesuffix(".?").split(".")
            if parts[0] != "nbhelpers":
                continue
            # The longest part of the name that is a module; at most one word may follow, of something in it.
            tries = (".".join(parts[1 : len(parts) - cut]) for cut in (0, 1))
            found = next((m for t in tries for m in (t, f"{t}.__init__".lstrip(".")) if m in modules), None)
            if found is None or found == "__init__" and name != "nbhelpers.__version__":
                found = f"?{name.removesuffix('.?')}, which is no module"
            yield found


def faults(root):
    """Arrows that run up, modules in no wing, and circles."""
    modules = modules_of(root)
    graph = {name: set(imported(source, modules)) for name, source in modules.items()}
    floor = {wing: i for i, wing in enumerate(WINGS)}
    found = [f"{name} is in no wing" for name in modules if name.partition(".")[0] not in floor]
    for name, others in graph.items():
        found += [f"{name} hides an import: {other[1:]}" for other in sorted(others) if other.startswith("?")]
        mine = name.partition(".")[0]
        found += [
            f"{name} imports {other}, which stands above it"
            for other in sorted(others)
            if not other.startswith("?") and floor.get(other.partition(".")[0], 99) < floor.get(mine, 99)
        ]
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        found.append(f"a circle: {' -> '.join(error.args[1])}")
    return found


def test_imports_run_down():
    assert len(modules_of(ROOT)) > 70
    assert faults(ROOT) == []


@pytest.mark.parametrize(
    ("sources", "fault"),
    [
        ({"colour/lab.py": "def f():\n    from nbhelpers import registry\n"}, "colour.lab imports registry"),
        ({"colour/lab.py": "import nbhelpers.rows.study\n"}, "colour.lab imports rows.study"),
        ({"rows/a.py": "from nbhelpers.rows.b import x\n", "rows/b.py": "from nbhelpers.rows import a\n"}, "a circle"),
        ({"cellar/a.py": ""}, "cellar.a is in no wing"),
        (
            {"rows/a.py": "def f():\n    from nbhelpers.colorizers import x\n"},
            "rows.a hides an import: nbhelpers.color",
        ),
        ({"rows/a.py": "from nbhelpers import propagation\n"}, "rows.a hides an import: nbhelpers.propagation, which"),
        ({"rows/a.py": "import nbhelpers\nnbhelpers.registry\n"}, "rows.a hides an import: nbhelpers, which is no"),
        ({"rows/a.py": "from .study import x\n"}, "rows.a hides an import: a relative import"),
        ({"rows/a.py": "importlib.import_module('nbhelpers.cli')\n"}, "rows.a hides an import: importlib"),
    ],
)
def test_a_wrong_arrow_is_found(tmp_path, sources, fault):
    whole = dict.fromkeys(("__init__.py", "registry.py", "colour/__init__.py", "rows/__init__.py", "rows/study.py"), "")
    for name, source in (whole | sources).items():
        path = tmp_path / "nbhelpers" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)
    (found,) = faults(tmp_path)
    assert found.startswith(fault)


def test_every_wing_says_what_is_in_it():
    for wing in WINGS:
        path = ROOT / "nbhelpers" / wing
        source = (path / "__init__.py" if path.is_dir() else path.with_suffix(".py")).read_text()
        assert wing == "__main__" or ast.get_docstring(ast.parse(source)), wing
    folders = {path.parent.name for path in (ROOT / "nbhelpers").glob("*/__init__.py")}
    assert folders == {path.name for path in (ROOT / "tests").iterdir() if list(path.glob("test_*.py"))} - {
        "browser",
        "notebooks",
    }


def test_the_picture_and_the_pages_name_every_wing_and_module():
    wings = [wing for wing in WINGS if not wing.startswith("__")]
    picture = (ROOT / "figures/house.svg").read_text()
    assert re.findall(r'font-weight="bold"[^>]*>(\w+)<', picture)[1:] == wings
    readme, page = ((ROOT / name).read_text() for name in ("README.md", "ARCHITECTURE.md"))
    assert (
        re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (`.*?) \|", readme.partition("## How it works")[2], re.M)))
        == wings
    )
    stems = {name.rpartition(".")[2] for name in modules_of(ROOT)} - {"__init__", "__main__"}
    assert [stem for stem in sorted(stems) if f"`{stem}`" not in page] == []


def test_a_wheel_holds_every_wing(tmp_path):
    build = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", str(tmp_path)]
    source = tmp_path / "source"  # building leaves folders behind
    shutil.copytree(ROOT / "nbhelpers", source / "nbhelpers", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    done = subprocess.run([*build, str(source)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")  # all that installing pure Python does
    assert {f"{name}.py" for name in map(lambda n: n.replace(".", "/"), modules_of(ROOT))} == {
        path.relative_to(tmp_path / "site" / "nbhelpers").as_posix() for path in (tmp_path / "site").rglob("*.py")
    }
    names = [n.removesuffix(".__init__") for n in modules_of(ROOT) if n not in ("__init__", "__main__")]
    code = f"import importlib, sys\nsys.path.insert(0, {str(tmp_path / 'site')!r})\n"
    code += f"for name in {names!r}:\n    found = importlib.import_module('nbhelpers.' + name).__file__\n"
    code += f"    assert found.startswith({str(tmp_path)!r}), found\n"
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr


def array_dataclasses(source):
    """(name, whether `dataclass` makes an == for it) of each dataclass that has arrays, tables or tensors as fields."""
    for node in (each for each in ast.walk(ast.parse(source)) if isinstance(each, ast.ClassDef)):
        made = [ast.unparse(each) for each in node.decorator_list if "dataclass" in ast.unparse(each)]
        fields = [ast.unparse(each.annotation) for each in node.body if isinstance(each, ast.AnnAssign)]
        if made and re.search(r"ndarray|DataFrame|Series|Tensor|csr_|csc_", " ".join(fields)):
            yield node.name, "eq=False" not in made[0]


def test_no_dataclass_compares_arrays_as_if_they_were_numbers():
    """The == that dataclass makes would ask an array whether it is true, and raise."""
    found = {name: made for source in modules_of(ROOT).values() for name, made in array_dataclasses(source)}
    assert {"Hints", "Solution", "SparseSystem", "Trees", "NeighbourModel", "Scores"} <= set(found)
    assert [name for name, made in found.items() if made] == []
    assert list(array_dataclasses("@dataclass(frozen=True)\nclass A:\n    x: np.ndarray\n")) == [("A", True)]
