"""`cpack -G DEB`: three Debian packages, whose program runs and whose library a C project is compiled against."""

import glob
import os
import re
import shutil
import subprocess

import harness
from install_test import PROJECT


class Packages(harness.EndToEnd):
    """Unpacked into a folder, since installing is root's."""

    def command(self, *words, cwd=None, **environment):
        done = subprocess.run(
            words, cwd=cwd or self.scratch, env=harness.environment(**environment), capture_output=True, text=True, check=False
        )
        self.assertEqual(done.returncode, 0, f"{words}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
        return done.stdout

    def setUp(self):
        super().setUp()
        for tool in ("cpack", "cmake", "cc", "dpkg-deb", "dpkg-shlibdeps"):
            if not shutil.which(tool):
                self.skipTest(f"there is no `{tool}`")
        if harness.is_sanitized():
            self.skipTest("what is sanitized is not shipped")
        build = os.path.dirname(harness.BINARY)
        # dpkg-shlibdeps does not take folders with blanks in their names.
        work = os.path.join(build, "packages")
        shutil.rmtree(work, ignore_errors=True)
        os.makedirs(work)
        self.addCleanup(shutil.rmtree, work)
        self.command("cpack", "-G", "DEB", "--config", os.path.join(build, "CPackConfig.cmake"), "-B", work, cwd=work)
        self.packages = {}
        for path in glob.glob(os.path.join(work, "*.deb")):
            fields = dict(re.findall(r"^([\w-]+): (.*)$", self.command("dpkg-deb", "-f", path), re.MULTILINE))
            self.packages[fields["Package"]] = (path, fields)
        self.root = os.path.join(work, "root")
        for path, _ in self.packages.values():
            self.command("dpkg-deb", "-x", path, self.root)

    def installed(self, *parts):
        return os.path.join(self.root, "usr", *parts)

    def test_packages(self):
        self.assertEqual(sorted(self.packages), ["libstriate-dev", "libstriate1", "striate"])
        depends = {name: fields.get("Depends", "") for name, (_, fields) in self.packages.items()}
        version = self.packages["striate"][1]["Version"]
        self.assertEqual(depends["libstriate-dev"], f"libstriate1 (= {version})")
        for name in ("striate", "libstriate1"):
            for library in ("libc6", "libfmt", "libllvm", "libstdc++6", "libarchive"):
                self.assertIn(library, depends[name].lower(), name)
        for name, (path, _) in self.packages.items():
            # One line of summary, and text below that is neither indented (it would not be wrapped) nor the summary again.
            summary, *text = self.command("dpkg-deb", "-f", path, "Description").splitlines()
            self.assertTrue(text and all(re.match(r" \S", line) for line in text), text)
            self.assertNotIn(summary.split(" ", 1)[1], "".join(text))
            listing = self.command("dpkg-deb", "-c", path)
            self.assertIn(f"./usr/share/doc/{name}/copyright", listing)
            self.assertEqual("striate.h" in listing, name == "libstriate-dev")
            self.assertEqual("libstriate.so.1 " in listing, name == "libstriate1")
        # The program, with all that belongs to it.
        self.assertIn(version.split("-")[0], self.command(self.installed("bin", "striate"), "--version"))
        with open(self.installed("share", "man", "man1", "striate.1"), encoding="utf-8") as file:
            self.assertTrue(file.read().startswith(".TH"))
        for place in ("bash-completion/completions/striate", "zsh/vendor-completions/_striate",
                      "fish/vendor_completions.d/striate.fish", "striate/std/elementwise.nn", "striate/models/lenet.nn",
                      "doc/striate/docs/language.md"):  # fmt: skip
            self.assertGreater(os.path.getsize(self.installed("share", *place.split("/"))), 0, place)
        # The library, from a project of its own: the example of the page.
        with open(os.path.join(harness.SOURCE, "docs", "embedding.md"), encoding="utf-8") as file:
            source = next(text for text in re.findall(r"```c\n(.*?)```", file.read(), re.DOTALL) if "striate_open" in text)
        models = self.installed("share", "striate", "models")
        shutil.copytree(os.path.join(models, "data"), self.path("data"))
        shutil.copy(os.path.join(models, "digits.nn"), self.scratch)
        self.command(self.installed("bin", "striate"), "train", "digits.nn", "--run", "runs/1", "--set", "train.epochs=1")
        self.write("CMakeLists.txt", PROJECT)
        self.write("user.c", source)
        self.command(
            "cmake", "-S", self.scratch, "-B", self.path("build"), f"-DCMAKE_PREFIX_PATH={self.installed()}",
            "-DCMAKE_BUILD_TYPE=Release", "-DCMAKE_SKIP_RPATH=ON",
        )  # fmt: skip
        self.command("cmake", "--build", self.path("build"))
        self.command(self.path("build", "user"), LD_LIBRARY_PATH=self.installed("lib"))


if __name__ == "__main__":
    harness.main()
