"""Projects are fetched from folders, archives and real git repositories, and nothing half-made is left behind."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import textwrap
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbtrack.errors import ExecutionException, InvalidParameter, NotFound
from nbtrack.projects.sources import Source, fetched
from nbtrack.projects.uris import parse
from tests.projects.repositories import GIT, Repositories, copies, entries, git, refusal

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("project_cache")]


@pytest.fixture(scope="module")
def repositories(tmp_path_factory: pytest.TempPathFactory) -> Repositories:
    return Repositories(tmp_path_factory.mktemp("repositories"))


@pytest.fixture(autouse=True)
def no_warning() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


@pytest.fixture
def own_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Put a git before the real one that first runs some lines of shell, and return its folder."""

    def install(lines: str) -> Path:
        folder = tmp_path / "bin"
        folder.mkdir(exist_ok=True)
        (folder / "git").write_text(f'#!/bin/sh\nFOLDER={folder}\n{textwrap.dedent(lines)}\nexec {GIT} "$@"\n')
        (folder / "git").chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
        return folder

    return install


# ---------------------------------------------------------------- git


@pytest.mark.parametrize(
    ("version", "content", "branch"),
    [
        (None, 2, "main"),
        ("main", 2, "main"),
        ("feature/x", 3, "feature/x"),
        ("refs/heads/feature/x", 3, "feature/x"),
        ("v1.0", 1, None),
        ("refs/tags/v1.0", 1, None),
        ("first", 1, None),
        ("third", 3, None),
        ("short", 1, None),
    ],
)
def test_a_repository_at_each_kind_of_version(
    repositories: Repositories, project_cache: Path, version: str | None, content: int, branch: str | None
):
    commits = {1: repositories.first, 2: repositories.second, 3: repositories.third}
    asked = {"first": commits[1], "third": commits[3], "short": commits[1][:8]}.get(str(version), version)
    with fetched(repositories.url, asked) as source:
        assert source == Source(
            repositories.url, source.folder, commits[content], repositories.url, branch, asked, None, None
        )
        assert (source.folder / "train.py").read_text() == f"print({content})\n"
        assert os.access(source.folder / "run.sh", os.X_OK)
        # A run in the copy records the commit and the branch as it does in any repository.
        assert git(source.folder, "rev-parse", "HEAD") == commits[content]
        assert git(source.folder, "status", "--porcelain", "--branch").startswith(f"## {branch or 'HEAD'}")
        assert source.folder.is_relative_to(project_cache)
    assert copies(project_cache) == []


def test_a_commit_is_fetched_once_and_each_run_has_a_copy(
    repositories: Repositories, project_cache: Path, own_git: Callable[[str], Path]
):
    log = own_git('case " $* " in *" fetch "*) echo fetch;; *" ls-remote "*) echo look;; esac >> $FOLDER/log') / "log"
    with fetched(repositories.url) as one, fetched(repositories.url) as two:
        assert one.folder != two.folder
        (one.folder / "train.py").write_text("changed")
        assert (two.folder / "train.py").read_text() == "print(2)\n"
        one.keep()
    assert log.read_text().split() == ["look", "fetch", "look"]
    with fetched(repositories.url, repositories.second) as three:
        assert (three.folder / "train.py").read_text() == "print(2)\n"
    assert log.read_text().split() == ["look", "fetch", "look"], "A commit in the cache needs no network."


def test_a_copy_is_kept_if_the_run_fails_or_writes_files(
    repositories: Repositories, project_cache: Path, capsys: pytest.CaptureFixture[str]
):
    with fetched(repositories.url) as source:
        (source.folder / "__pycache__").mkdir()
        (source.folder / "__pycache__" / "a.pyc").write_text("")
    assert (copies(project_cache), capsys.readouterr().err) == ([], "")
    with fetched(repositories.url) as source:
        (source.folder / "model.pkl").write_text("weights")
    assert f"kept in {source.folder}, with a file " in capsys.readouterr().err
    with pytest.raises(ZeroDivisionError), fetched(repositories.url) as failing:
        _ = 1 / 0
    assert f"kept in {failing.folder}\n" in capsys.readouterr().err
    with pytest.raises(InvalidParameter), fetched(repositories.url):
        raise InvalidParameter("A wrong parameter is found before anything runs.")
    assert capsys.readouterr().err == ""
    with fetched(repositories.url) as kept:
        kept.keep()
    assert sorted(copies(project_cache)) == sorted([source.folder, failing.folder, kept.folder])
    assert re.fullmatch(rf"remote-{repositories.second[:12]}-[0-9a-f]{{8}}", source.folder.name)


def test_a_subfolder(repositories: Repositories, project_cache: Path):
    with fetched(f"{repositories.url}#sub") as source:
        assert (source.uri, source.subfolder) == (f"{repositories.url}#sub", "sub")
        assert (source.folder / "MLproject").is_file()
        assert git(source.folder, "rev-parse", "HEAD") == repositories.second
    assert copies(project_cache) == []
    assert "Folder 'none' does not exist" in refusal(f"{repositories.url}#none", kind=NotFound)
    for outside in ("../x", "/etc", "sub/../..", "a\\b"):
        assert "without '..'" in refusal(f"{repositories.url}#{outside}", kind=InvalidParameter)
    assert copies(project_cache) == []


def test_a_local_repository_at_a_version_is_left_alone(repositories: Repositories, project_cache: Path):
    head = git(repositories.tree, "rev-parse", "HEAD")
    with fetched(str(repositories.tree / "sub"), "v1.0") as source:
        assert source.uri == f"file://{repositories.tree}#sub"
        assert (source.commit, source.repo_url) == (repositories.first, f"file://{repositories.tree}")
        assert (source.folder.parent / "train.py").read_text() == "print(1)\n"
        assert source.folder.is_relative_to(project_cache)
    assert git(repositories.tree, "rev-parse", "HEAD") == head
    assert git(repositories.tree, "status", "--porcelain") == ""


def test_other_kinds_of_local_repositories(repositories: Repositories, tmp_path: Path):
    """A linked working tree, a part of a history, the folder .git, commits with SHA-256."""
    git(repositories.tree, "worktree", "add", "-q", str(tmp_path / "linked"), "feature/x")
    git(tmp_path, "clone", "-q", "--depth=1", repositories.url, "shallow")
    git(tmp_path, "init", "-q", "-b", "main", "--object-format=sha256", "sha256")
    (tmp_path / "sha256" / "train.py").write_text("print(4)\n")
    git(tmp_path / "sha256", "add", "-A")
    git(tmp_path / "sha256", "commit", "-q", "-m", "first")
    try:
        for uri, version, content in (
            ("linked", None, 3), ("linked", "main", 2), ("shallow", "main", 2), ("sha256", "main", 4),
            (f"{repositories.tree}/.git", None, 2), (f"{repositories.tree}/.git", "v1.0", 1),
        ):  # fmt: skip
            with fetched(uri, version) as source:
                assert (source.folder / "train.py").read_text() == f"print({content})\n"
                assert source.commit == git(source.folder, "rev-parse", "HEAD")
                assert git(source.folder, "status", "--porcelain") == ""
    finally:
        git(repositories.tree, "worktree", "remove", "--force", str(tmp_path / "linked"))


def test_a_version_that_does_not_exist(repositories: Repositories, project_cache: Path, tmp_path: Path):
    message = refusal(repositories.url, "featur/x", NotFound)
    assert "Did you mean 'feature/x'?" in message
    assert "Branches and tags: feature/x, main, v1.0." in message
    assert "does not exist" in refusal(repositories.url, "0" * 40, NotFound)
    assert "does not exist" in refusal(repositories.url, "abcd1234", NotFound)
    for hostile in ("-x", "--upload-pack=touch hacked", "a b", "a..b", "a:b", "HEAD~1", "", "a\n", "@{1}"):
        assert "version must be the name of a branch" in refusal(repositories.url, hostile, InvalidParameter)
    assert not any(name.endswith(".git") for name in entries(project_cache) if name != ".git")
    assert not any(name.startswith(".partial") for name in entries(project_cache))
    (tmp_path / "plain").mkdir()
    assert "only in a git repository" in refusal("plain", "main", InvalidParameter)


def test_a_version_that_is_a_branch_and_a_tag_must_be_given_in_full(tmp_path: Path):
    both = Repositories(tmp_path)
    git(both.bare, "branch", "v1.0", both.third)
    assert "ambiguous. Pass one of refs/tags/v1.0, refs/heads/v1.0." in refusal(both.url, "v1.0", InvalidParameter)
    with fetched(both.url, "refs/heads/v1.0") as source:
        assert (source.commit, source.branch) == (both.third, "v1.0")


def test_a_repository_that_cannot_be_reached(tmp_path: Path, project_cache: Path):
    message = refusal(f"{tmp_path.as_uri()}/missing.git", kind=NotFound)
    assert "does not exist. A project is a folder" in message
    message = refusal("http://localhost:1/a.git", kind=ExecutionException)
    assert message.startswith("Project 'http://localhost:1/a.git' cannot be fetched. Git says: ")
    (tmp_path / "empty.git").mkdir()
    git(tmp_path / "empty.git", "init", "-q", "--bare")
    assert "has no commits" in refusal(str(tmp_path / "empty.git"), kind=NotFound)
    assert copies(project_cache) == []
    assert not list(project_cache.glob("projects/git/*"))


@pytest.mark.parametrize("step", ["ls-remote", "fetch", "checkout"])
def test_a_step_that_fails_leaves_nothing(
    repositories: Repositories, project_cache: Path, own_git: Callable[[str], Path], step: str
):
    own_git(f'case " $* " in *" {step} "*) echo "fatal: no space left" >&2; exit 128;; esac')
    assert refusal(repositories.url, kind=ExecutionException).endswith("Git says: no space left")
    assert copies(project_cache) == []
    assert not any(name.startswith(".partial") for name in entries(project_cache))
    assert any(name == f"{repositories.second}.git" for name in entries(project_cache)) == (step == "checkout")


def test_git_is_not_installed(repositories: Repositories, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "needs git, which is not installed" in refusal(repositories.url, kind=ExecutionException)
    with fetched(str(repositories.tree)) as source:
        assert (source.folder, source.commit) == (repositories.tree, None)


FETCH = "import sys\nfrom nbtrack.projects.sources import fetched\nwith fetched(sys.argv[1]) as s: print(s.folder)\n"


def start(url: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", FETCH, url], text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize("step", ["fetch", "checkout"])
def test_a_process_that_is_killed_leaves_nothing_that_another_one_uses(
    repositories: Repositories, project_cache: Path, own_git: Callable[[str], Path], step: str
):
    folder = own_git(
        f'case " $* " in *" {step} "*) if mkdir $FOLDER/once; then {GIT} "$@"; touch $FOLDER/there; sleep 60; fi;; esac'
    )
    process = start(repositories.url)
    until((folder / "there").exists)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    with fetched(repositories.url) as source:
        assert git(source.folder, "status", "--porcelain") == ""
        assert git(source.folder, "rev-parse", "HEAD") == repositories.second
    assert not any(name.startswith(".partial") for name in entries(project_cache / "projects" / "git"))


@pytest.mark.parametrize("step", ["ls-remote", "fetch", "checkout"])
def test_an_interrupt_stops_git_and_leaves_nothing(
    repositories: Repositories, project_cache: Path, own_git: Callable[[str], Path], step: str
):
    folder = own_git(
        f'case " $* " in *" {step} "*) echo $$ > $FOLDER/pid.new; mv $FOLDER/pid.new $FOLDER/pid; exec sleep 60;; esac'
    )
    process = start(repositories.url)
    until((folder / "pid").exists)
    process.send_signal(signal.SIGINT)
    assert process.communicate()[1].strip().endswith("KeyboardInterrupt")
    with pytest.raises(ProcessLookupError):
        os.kill(int((folder / "pid").read_text()), 0)
    assert copies(project_cache) == []
    assert not any(name.startswith(".partial") for name in entries(project_cache))


def test_two_processes_fetch_a_repository_once(repositories: Repositories, own_git: Callable[[str], Path]):
    log = own_git('case " $* " in *" fetch "*) echo fetch >> $FOLDER/log; sleep 1;; esac') / "log"
    processes = [start(repositories.url) for _ in range(3)]
    folders = {process.communicate()[0] for process in processes}
    assert len(folders) == 3
    assert all(process.returncode == 0 for process in processes)
    assert log.read_text().split() == ["fetch"]


# ---------------------------------------------------------------- what a repository or a URI could do


@pytest.mark.parametrize(
    "uri",
    [
        "-oProxyCommand=touch hacked",
        "--upload-pack=touch hacked",
        "ext::sh -c 'touch hacked'",
        "ext::touch% hacked",
        "fd::17",
        "file:://x",
        "ssh://-oProxyCommand=touch%20hacked/x",
        "ssh://a@-oProxyCommand=touch%20hacked/x",
        "ssh://-x@host/x",
        "a@-oProxyCommand=touch:x",
        "-a@host:x",
        "git://host/x",
        "s3://bucket/key",
        "https:///x",
        "https://[x/y",
        "a\nb",
        "a\0b",
        "",
        " ",
        "runs:/abc/x",
        "models:/m/1",
        "missing/folder",
        "missing.zip",
        "~nobody/x",
    ],
)
def test_what_is_no_project_is_refused_before_git_sees_it(own_git: Callable[[str], Path], uri: str):
    ran = own_git("touch $FOLDER/ran") / "ran"
    with pytest.raises((InvalidParameter, NotFound)):
        parse(uri)
    assert isinstance(refusal(uri), str)
    assert not ran.exists()
    assert not Path("hacked").exists()


PIECES = [
    "https",
    "http",
    "ssh",
    "file",
    "git",
    "ext",
    "://",
    ":",
    "::",
    "/",
    "//",
    "#",
    "@",
    "-",
    "..",
    ".",
    "~",
    "host",
    "me",
    "secret",
    ".zip",
    ".git",
    "?",
    "[",
    "]",
    "%",
    "\\",
    "x",
    "猫",
    "\u2028",
]


@settings(max_examples=300)
@given(st.lists(st.sampled_from(PIECES), max_size=9).map("".join))
def test_any_string_is_a_location_or_refused(uri: str):
    try:
        location = parse(uri)
    except (InvalidParameter, NotFound):
        return
    assert not location.uri.startswith("-")
    assert location.kind != "git" or re.match(r"(https?|ssh|file)://|/|[^-/][^/]*:", location.uri)
    assert ".." not in location.subfolder.split("/")
    assert not location.credentials or location.uri.startswith(("http", "ssh"))


@pytest.mark.parametrize(
    ("uri", "address", "subfolder", "credentials"),
    [
        ("https://host/a/b.git#sub/x", "https://host/a/b.git", "sub/x", ""),
        ("https://me:secret@host/a.git", "https://host/a.git", "", "me:secret"),
        ("https://ghp_secret@host:8080/a", "https://host:8080/a", "", "ghp_secret"),
        ("ssh://git@host:22/a", "ssh://git@host:22/a", "", ""),
        ("ssh://git:secret@host/a", "ssh://git@host/a", "", "git:secret"),
        ("git@host.org:org/a.git#x", "git@host.org:org/a.git", "x", ""),
        ("git@host:/abs/a.git", "git@host:/abs/a.git", "", ""),
        ("host:a.git", "host:a.git", "", ""),
    ],
)
def test_the_forms_of_a_git_url(uri: str, address: str, subfolder: str, credentials: str):
    location = parse(uri)
    assert (location.kind, location.uri, location.subfolder, location.credentials) == (
        "git", address, subfolder, credentials
    )  # fmt: skip
    assert location.url == uri.partition("#")[0]
    assert "secret" not in location.shown


def test_ssh_gets_the_host_and_the_path_and_never_asks(
    repositories: Repositories, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """A program in the place of ssh runs what the server would run."""
    ssh = tmp_path / "ssh"
    ssh.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/log\nfor last; do :; done\nexec sh -c "$last"\n')
    ssh.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with fetched(f"git@example.org:{repositories.bare}", "feature/x") as source:
        assert source.uri == f"git@example.org:{repositories.bare}"
        assert source.commit == repositories.third
    log = (tmp_path / "log").read_text()
    assert f"git@example.org git-upload-pack '{repositories.bare}'" in log


def test_credentials_are_used_and_recorded_nowhere(
    repositories: Repositories, served: tuple[Path, str], project_cache: Path, own_git: Callable[[str], Path]
):
    """The server is one that cannot give a part of the history, as plain file servers."""
    folder, host = served
    shutil.copytree(repositories.bare, folder / "a.git")
    git(folder / "a.git", "update-server-info")
    log = own_git('echo "$@" >> $FOLDER/log') / "log"
    with fetched(f"http://me:s3cr3t@{host}/a.git#sub") as source:
        assert source.uri == f"http://{host}/a.git#sub"
        assert source.repo_url == f"http://{host}/a.git"
        source.keep()
    contents = b"".join(path.read_bytes() for path in project_cache.rglob("*") if path.is_file())
    assert b"s3cr3t" not in contents
    assert "s3cr3t" not in log.read_text()
    message = refusal(f"http://me:wr0ng@{host}/a.git", kind=ExecutionException)
    assert f"'http://{host}/a.git' cannot be fetched" in message
    assert "wr0ng" not in message


def test_nothing_of_a_repository_runs_when_it_is_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Neither hooks nor filters nor submodules, although the user has a filter that the repository names."""
    hostile = Repositories(tmp_path)
    touch = f"touch {tmp_path}/hacked"
    (tmp_path / "config").write_text(
        f'[filter "x"]\n\tsmudge = {touch}; cat\n\trequired = true\n[protocol "ext"]\n\tallow = always\n'
        f"[core]\n\thooksPath = {tmp_path}/hooks\n[submodule]\n\trecurse = true\n"
    )
    (tmp_path / "hooks").mkdir()
    (tmp_path / "hooks" / "post-checkout").write_text(f"#!/bin/sh\n{touch}\n")
    (tmp_path / "hooks" / "post-checkout").chmod(0o755)
    hostile.write(".gitattributes", "*.py filter=x\n*.bin filter=lfs\n")
    hostile.write(".gitmodules", f'[submodule "m"]\n\tpath = m\n\turl = ext::{touch}\n')
    git(hostile.tree, "update-index", "--add", "--cacheinfo", f"160000,{hostile.first},m")
    hostile.commit("hostile")
    git(hostile.tree, "push", "-q", str(hostile.bare), "main")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "config"))
    with pytest.warns(UserWarning, match="submodules|Git LFS") as caught, fetched(hostile.url) as source:
        assert (source.folder / "train.py").read_text() == "print(2)\n"
    assert ["has submodules, which are not fetched" in str(one.message) for one in caught] == [True, False]
    assert not (tmp_path / "hacked").exists()


def test_links_of_a_repository_do_not_lead_out_of_it(tmp_path: Path, project_cache: Path):
    hostile = Repositories(tmp_path)
    (hostile.tree / "link").symlink_to("/etc")
    hostile.commit("link")
    git(hostile.tree, "push", "-q", str(hostile.bare), "main")
    assert "leads out of the project" in refusal(f"{hostile.url}#link", kind=InvalidParameter)
    assert "leads out of the project" in refusal(f"{hostile.tree}#link", kind=InvalidParameter)
    assert copies(project_cache) == []


def test_variables_of_a_hook_do_not_lead_to_another_repository(
    repositories: Repositories, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY"):
        monkeypatch.setenv(name, str(tmp_path / "elsewhere"))
    with fetched(repositories.url) as source:
        assert source.commit == repositories.second
    assert not (tmp_path / "elsewhere").exists()


# ---------------------------------------------------------------- folders


def test_a_folder_is_used_where_it_is(repositories: Repositories, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with fetched(str(repositories.tree / "sub")) as source:
        assert source == Source(
            f"file://{repositories.tree}#sub",
            repositories.tree / "sub",
            repositories.second,
            None,
            "main",
            None,
            None,
            "sub",
        )
    monkeypatch.chdir(repositories.tree)
    for uri in (".", repositories.tree.as_uri(), f"{repositories.tree}#."):
        with fetched(uri) as source:
            assert (source.folder.resolve(), source.uri) == (repositories.tree, f"file://{repositories.tree}")
    plain = tmp_path / "a#b"
    plain.mkdir()
    with fetched(str(plain)) as source:
        assert source == Source(str(plain), plain)
    (tmp_path / "elsewhere" / "deep").mkdir(parents=True)
    (plain / "link").symlink_to(tmp_path / "elsewhere" / "deep")
    for uri, folder in (
        (f"{plain}/../a#b", plain),
        (f"{plain}/link", plain / "link"),
        (f"{plain}/link/..", tmp_path / "elsewhere"),
    ):
        with fetched(uri) as source:
            assert source == Source(str(folder), folder)
    (plain / "train.py").write_text("")
    assert "pass its folder and the entry point" in refusal(str(plain / "train.py"), kind=InvalidParameter)


def test_the_remote_of_a_folder_is_recorded_without_credentials(tmp_path: Path):
    own = Repositories(tmp_path)
    git(own.tree, "remote", "add", "origin", "https://me:secret@host/a.git")
    with fetched(str(own.tree)) as source:
        assert source.repo_url == "https://host/a.git"
