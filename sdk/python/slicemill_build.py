"""Makes the package's wheel (PEP 517): one module and what describes it. A backend of the usual kind would have to be fetched, which a
machine without a network cannot."""

import base64
import hashlib
import io
import pathlib
import re
import tarfile
import zipfile

HERE = pathlib.Path(__file__).resolve().parent
MODULE = "slicemill.py"
SOURCES = [MODULE, "slicemill_build.py", "pyproject.toml"]


def _setting(name):
    return re.search(rf'^{name} = "(.*)"$', (HERE / "pyproject.toml").read_text(), re.MULTILINE).group(1)


def _name():
    return f"{_setting('name')}-{_setting('version')}"


def _metadata():
    return (f"Metadata-Version: 2.1\nName: {_setting('name')}\nVersion: {_setting('version')}\nSummary: {_setting('description')}\n"
            f"Requires-Python: {_setting('requires-python')}\n")


def _wheel(directory, files):
    about = f"{_name()}.dist-info"
    files = {**files, f"{about}/METADATA": _metadata(),
             f"{about}/WHEEL": "Wheel-Version: 1.0\nGenerator: slicemill_build\nRoot-Is-Purelib: true\nTag: py3-none-any\n"}
    record = ""
    wheel = f"{_name()}-py3-none-any.whl"
    with zipfile.ZipFile(pathlib.Path(directory) / wheel, "w", zipfile.ZIP_DEFLATED) as packed:
        for path, text in files.items():
            digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
            record += f"{path},sha256={digest},{len(text.encode())}\n"
            packed.writestr(zipfile.ZipInfo(path, (2020, 1, 1, 0, 0, 0)), text)
        packed.writestr(zipfile.ZipInfo(f"{about}/RECORD", (2020, 1, 1, 0, 0, 0)), record + f"{about}/RECORD,,\n")
    return wheel


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    return _wheel(wheel_directory, {MODULE: (HERE / MODULE).read_text()})


def build_editable(wheel_directory, config_settings=None, metadata_directory=None):
    return _wheel(wheel_directory, {"slicemill.pth": f"{HERE}\n"})


def build_sdist(sdist_directory, config_settings=None):
    name = f"{_name()}.tar.gz"
    with tarfile.open(pathlib.Path(sdist_directory) / name, "w:gz") as packed:
        for source in SOURCES:
            packed.add(HERE / source, f"{_name()}/{source}")
        about = tarfile.TarInfo(f"{_name()}/PKG-INFO")
        about.size = len(_metadata().encode())
        packed.addfile(about, io.BytesIO(_metadata().encode()))
    return name
