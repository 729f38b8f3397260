"""What the `packaging` library says of its own test vectors and of other texts.

Usage: packaging-vectors.py SDIST DIRECTORY < '["text", ...]'

Unpacks the source distribution of `packaging` into DIRECTORY, reads the lists of its tests (without running a test, and without
pytest), asks the library of the very same source distribution, and prints JSON.
"""

import email
import importlib.util
import json
import pathlib
import sys
import tarfile
import types


class Anything(types.ModuleType):
    """Stands for pytest and the like: keeps the parameters of tests, and does nothing else."""

    def __getattr__(self, name):
        return Anything(name)

    def __call__(self, *arguments, **options):
        if self.__name__ != "parametrize":
            return lambda test: test

        def keep(test):
            test.vectors = getattr(test, "vectors", []) + [list(arguments[1])]
            return test

        return keep


def unpacked(sdist, directory):
    with tarfile.open(sdist) as archive:
        if hasattr(tarfile, "data_filter"):
            archive.extractall(directory, filter="data")
        else:
            archive.extractall(directory)
    (root,) = pathlib.Path(directory).iterdir()
    return root


def module(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


def vectors(test):
    (kept,) = test.vectors
    return kept


def texts(values):
    """Every text in what tests are given."""
    for value in values:
        if isinstance(value, str):
            yield value
        elif isinstance(value, (list, tuple)):
            yield from texts(value)


def or_none(function, *arguments):
    try:
        return function(*arguments)
    except ValueError:
        return None


root = unpacked(sys.argv[1], sys.argv[2])
sys.path.insert(0, str(root / "src"))
sys.modules.update({name: Anything(name) for name in ("pytest", "pretend", "hypothesis")})

import packaging  # noqa: E402
from packaging.utils import canonicalize_name, canonicalize_version, parse_sdist_filename, parse_wheel_filename  # noqa: E402
from packaging.version import Version  # noqa: E402

assert pathlib.Path(packaging.__file__).is_relative_to(root), packaging.__file__
version_tests = module(root / "tests" / "test_version.py")
util_tests = module(root / "tests" / "test_utils.py")


def answers_of(candidates):
    """Form and place of each; equal versions have the same place."""
    found = {text: or_none(Version, text) for text in candidates}
    order = sorted({version for version in found.values() if version is not None})
    places = {version: place for place, version in enumerate(order)}
    return [
        {"text": text, "normal": None, "canonical": None, "place": None}
        if version is None
        else {"text": text, "normal": str(version), "canonical": canonicalize_version(text), "place": places[version]}
        for text, version in found.items()
    ]


def wheel(filename):
    found = or_none(parse_wheel_filename, filename)
    if found is None:
        return None
    name, version, build, tags = found
    return {"name": name, "version": str(version), "build": "".join(map(str, build)), "tags": sorted(map(str, tags))}


def sdist(filename):
    found = or_none(parse_sdist_filename, filename)
    return found and {"name": found[0], "version": str(found[1])}


def metadata(path):
    text = path.read_text(encoding="utf-8")
    message = email.message_from_string(text)
    return {"text": text, "fields": {name.lower(): message.get_all(name) for name in message.keys()}, "description": message.get_payload()}


suite = version_tests.TestVersion
of_versions = [test.vectors for owner in (suite, version_tests) for test in vars(owner).values() if hasattr(test, "vectors")]
names_of_wheels = [row[0] for row in vectors(util_tests.test_parse_wheel_filename)] + vectors(util_tests.test_parse_wheel_invalid_filename)
names_of_sdists = [row[0] for row in vectors(util_tests.test_parse_sdist_filename)] + vectors(util_tests.test_parse_sdist_invalid_filename)

print(
    json.dumps(
        {
            "library": packaging.__version__,
            "ordered": version_tests.VERSIONS,
            "invalid": vectors(suite.test_invalid_versions),
            "normalized": vectors(suite.test_normalized_versions) + vectors(suite.test_version_str_repr),
            "canonical": [[str(text), expected] for text, expected in vectors(util_tests.test_canonicalize_version)],
            "versions": answers_of(dict.fromkeys(texts(of_versions))),
            "others": answers_of(dict.fromkeys(json.load(sys.stdin))),
            "names": [[name, canonicalize_name(name)] for name, _ in vectors(util_tests.test_canonicalize_name) + vectors(util_tests.test_is_normalized_name)],
            "notNames": [name for name, _ in vectors(util_tests.test_canonicalize_name_invalid)],
            "wheels": [[name, wheel(name)] for name in names_of_wheels + vectors(util_tests.test_parse_wheel_unsorted_tags_valid_by_default)],
            "sdists": [[name, sdist(name)] for name in names_of_sdists],
            "metadata": [metadata(path) for path in [root / "PKG-INFO", *sorted((root / "tests" / "metadata").iterdir())]],
        }
    )
)
