"""meson install: all that belongs to the programs, in any prefix, and what is installed runs."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import unittest

from rig import BUILD, REPOSITORY, SANITIZED, account, case, populate

PREFIX = "/opt/mail-tools"
FILES = {
    "bin": {"imapsyncd", "imapsyncctl"},
    "share/man/man1": {"imapsyncd.1", "imapsyncctl.1"},
    "share/man/man5": {"imapsyncd.conf.5"},
    "lib/systemd/user": {"imapsyncd.service", "imapsyncd@.service", "imapsyncd.socket", "imapsyncd@.socket"},
    "share/bash-completion/completions": {"imapsyncctl", "imapsyncd"},
    "share/zsh/site-functions": {"_imapsyncctl"},
    "share/fish/vendor_completions.d": {"imapsyncctl.fish", "imapsyncd.fish"},
    "share/doc/imapsyncd": {"README.md", "NEWS.md"},
    "share/doc/imapsyncd/examples": {"imapsyncd.conf"},
}


def run(*command, **variables):
    done = subprocess.run([str(word) for word in command], env=os.environ | variables, capture_output=True, text=True,
                          timeout=300)
    if done.returncode:
        raise AssertionError(f"{command}: status {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.stdout


def files_below(root):
    return {str(path.relative_to(root)) for path in pathlib.Path(root).rglob("*") if not path.is_dir()}


@unittest.skipUnless(shutil.which("meson"), "meson is missing")
@unittest.skipIf(SANITIZED, "installing has nothing to do with memory")
class Install(case.SystemTest):
    def setUp(self):
        super().setUp()
        self.dest = self.directory / "dest"

    def install(self):
        """What was built, with a prefix of its own below a folder: returns where the prefix is then."""
        run("meson", "install", "-C", BUILD, "--no-rebuild", "--quiet", "--destdir", self.dest)
        options = json.loads(run("meson", "introspect", BUILD, "--buildoptions"))
        prefix = next(option["value"] for option in options if option["name"] == "prefix")
        return self.dest / prefix.lstrip("/")

    def test_installed(self):
        """All files are there, and the programs that are, work with what is."""
        root = self.install()
        self.assertEqual(files_below(root), {f"{folder}/{name}" for folder, names in FILES.items() for name in names})
        self.assertEqual(files_below(self.dest), {str((root / name).relative_to(self.dest)) for name in files_below(root)})
        for path in root.rglob("*"):
            self.assertTrue(path.exists(), f"{path} leads nowhere")
            self.assertFalse(path.stat().st_mode & 0o022, f"others may write {path}")

        server = self.server()
        populate.fill(self.session(server), ["INBOX"], 3, holes=False)
        acc = self.account(server)
        daemon = account.Daemon(acc, command=[root / "bin" / "imapsyncd", *acc.command()[1:]])
        self.addCleanup(daemon.stop)
        daemon.wait_in_sync()
        status = json.loads(run(root / "bin" / "imapsyncctl", "--socket", acc.socket, "--json", "status"))
        self.assertEqual((status[0]["state"], status[0]["messages"]), ("in sync", 3))
        self.assert_equal_sides(acc, server)

    def test_example(self):
        """The example is right as it stands, and with all that is commented out in it."""
        root = self.install()
        example = (root / "share/doc/imapsyncd/examples/imapsyncd.conf").read_text()
        whole = re.sub(r"^#(?=\[|[a-z-]+ =|        )", "", example, flags=re.MULTILINE)
        self.assertGreater(example.count("\n#"), whole.count("\n#"))
        for n, text in ((1, example), (2, whole)):
            path = self.directory / "example.conf"
            path.write_text(text)
            path.chmod(0o600)
            said = run(root / "bin" / "imapsyncd", "--check", "--config", path, HOME=str(self.directory))
            self.assertIn(f"{n} accounts, nothing wrong", said)

    def test_any_prefix(self):
        """Another prefix is where everything goes, and what the units start."""
        build = self.directory / "build"
        run("meson", "setup", build, REPOSITORY, f"--prefix={PREFIX}", "-Dtests=false")
        installed = json.loads(run("meson", "introspect", build, "--installed"))
        for path in installed.values():
            self.assertTrue(path.startswith(PREFIX + "/"), path)
        for path in (build / "units").glob("*.service"):
            programs = re.findall(r"^Exec\w+=(\S+)", path.read_text(), re.MULTILINE)
            self.assertEqual(programs, [f"{PREFIX}/bin/imapsyncd", f"{PREFIX}/bin/imapsyncctl"])

    def test_folders_by_option(self):
        """A packager says where things go, or that they do not."""
        build = self.directory / "build"
        places = ["systemduserunitdir", "bashcompletiondir", "zshcompletiondir", "fishcompletiondir", "docdir"]
        run("meson", "setup", build, REPOSITORY, "-Dtests=false", *[f"-D{name}=/else/{name}" for name in places])
        paths = json.loads(run("meson", "introspect", build, "--installed")).values()
        for name in places:
            self.assertTrue([path for path in paths if path.startswith(f"/else/{name}/")], name)
        nothing = ["units", "man-pages", "completions", "documentation"]
        run("meson", "configure", build, *[f"-D{name}=false" for name in nothing])
        run("meson", "setup", "--reconfigure", build, REPOSITORY)
        paths = json.loads(run("meson", "introspect", build, "--installed")).values()
        self.assertEqual({pathlib.Path(path).name for path in paths}, {"imapsyncd", "imapsyncctl"})


class Debian(case.SystemTest):
    """What can be told of the package without building it; tests/package does."""

    DEBIAN = REPOSITORY / "units" / "debian"
    needs_program = False

    def test_version(self):
        """It is that of the program."""
        version = re.search(r"version: '(.*)'", (REPOSITORY / "meson.build").read_text())[1]
        first = (self.DEBIAN / "changelog").read_text().splitlines()[0]
        self.assertRegex(first, rf"^imapsyncd \({re.escape(version)}\) ")
        self.assertIn(f"CHANGES WITH {version}", (REPOSITORY / "NEWS.md").read_text())

    def test_build_dependencies(self):
        """What tests/packages.sh installs for building, apart from what every Debian has that builds packages."""
        control = (self.DEBIAN / "control").read_text()
        listed = re.search(r"^Build-Depends: (.*?)^\S", control, re.DOTALL | re.MULTILINE)[1]
        names = {word for part in listed.split(",") for word in re.findall(r"^[a-z0-9-]+", part.strip())}
        script = f". {REPOSITORY}/tests/packages.sh; echo $packages_build"
        needed = set(run("bash", "-c", script).split())
        self.assertEqual(names, needed - {"gcc", "libc6-dev", "ninja-build", "pkg-config"} | {"debhelper-compat", "pkgconf"})

    def test_options(self):
        """Those that debian/rules sets are there."""
        set_ones = re.findall(r"-D([a-z-]+)=", (self.DEBIAN / "rules").read_text())
        known = re.findall(r"^option\('([a-z-]+)'", (REPOSITORY / "meson_options.txt").read_text(), re.MULTILINE)
        self.assertTrue(set_ones)
        self.assertLessEqual(set(set_ones), set(known))
        self.assertTrue(os.access(self.DEBIAN / "rules", os.X_OK))


if __name__ == "__main__":
    unittest.main()
