"""What `cmake --install` installs: the binary, the library with its header, and the CMake package."""

import os
import re
import shutil
import subprocess

import harness

PROJECT = """
cmake_minimum_required(VERSION 3.16)
project(User C)
find_package(Striate 0.1 REQUIRED)
add_executable(user user.c)
target_compile_options(user PRIVATE -std=c99 -Wall -Wextra -Wpedantic -Werror)
target_link_libraries(user PRIVATE Striate::striate)
"""


class Install(harness.EndToEnd):
    def command(self, *words, **environment):
        done = subprocess.run(words, cwd=self.scratch, env=harness.environment(**environment), capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, f"{words}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
        return done.stdout

    def test_a_c_project_finds_the_package(self):
        if not shutil.which("cmake") or not shutil.which("cc"):
            self.skipTest("there is no `cmake` or no `cc`")
        build = os.path.dirname(harness.BINARY)
        prefix = self.path("prefix")
        self.command("cmake", "--install", build, "--prefix", prefix)
        # The example of the page is what is built.
        with open(os.path.join(harness.SOURCE, "docs", "embedding.md"), encoding="utf-8") as file:
            source = next(text for text in re.findall(r"```c\n(.*?)```", file.read(), re.DOTALL) if "striate_open" in text)
        shutil.copytree(os.path.join(harness.SOURCE, "models", "data"), self.path("data"))
        shutil.copy(os.path.join(harness.SOURCE, "models", "digits.nn"), self.scratch)
        installed = os.path.join(prefix, "bin", "striate")
        self.command(installed, "train", "digits.nn", "--run", "runs/1", "--set", "train.epochs=1")
        self.write("CMakeLists.txt", PROJECT)
        self.write("user.c", source)
        self.command("cmake", "-S", self.scratch, "-B", self.path("build"), f"-DCMAKE_PREFIX_PATH={prefix}", "-DCMAKE_BUILD_TYPE=Release")
        self.command("cmake", "--build", self.path("build"))
        if harness.is_sanitized():
            self.skipTest("a program that is not sanitized cannot load a library that is")
        self.command(self.path("build", "user"))

    def test_the_python_module_brings_its_library(self):
        if not shutil.which("cmake"):
            self.skipTest("there is no `cmake`")
        prefix = self.path("prefix")
        self.command("cmake", "--install", os.path.dirname(harness.BINARY), "--prefix", prefix, "--component", "python")
        library = os.path.join(prefix, "striate", "libstriate.so.1")
        self.assertTrue(os.path.isfile(library) and not os.path.islink(library), os.listdir(prefix))


if __name__ == "__main__":
    harness.main()
