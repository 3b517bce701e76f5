"""Plants one bug at a time in the compiler and asks `striate verify` for it.

    planted_bugs.py SOURCE_FOLDER WORK_FOLDER [NAME...]

Each bug is a change of one place in the source. It has to be caught, and by name: by the pass, the kernel or the
derivative that it sits in. The reproducers are counted, too. A copy of the source is built in WORK_FOLDER, again for
every bug (ccache makes the rest cheap). Passes where all bugs are caught, 9 of 10 with the right name, 3 of 4 with a
reproducer of at most 6 operations that shows the bug again and shows none in the compiler without it.
"""

import pathlib
import re
import shutil
import subprocess
import sys

MOST_OPERATIONS = 6

NET, SEQUENCE = "net.nn", "sequence.nn"
CUDA = ["--target", "cuda", "--device", "emulated"]

# name, file, what stands there, what is planted, the program that it is looked for with, what the culprit is called.
# A bug of the schedule or the emitter is named by a kernel. Bugs of the CUDA emitter are looked for with CUDA.
BUGS = [
    ("clamp_moves_up", "passes/commute_monotone.cpp", "constant(*bound)}", "constant(*bound + 0.25)}",
     NET, "pass commute_monotone"),
    ("reads_first_twice", "passes/inline_pointwise.cpp", "copy.operand = operand_numbers[e->operand];",
     "copy.operand = operand_numbers[e->operand == 1 && type_of_operand(0) == type_of_operand(1) ? 0 : e->operand];",
     NET, "pass inline_pointwise"),
    ("padding_is_one", "passes/pad_contractions.cpp", "indices, scalar_type_of(type.element), fill)",
     "indices, scalar_type_of(type.element), fill + 1)", NET, "pass pad_contractions"),
    ("padding_shifts", "passes/pad_contractions.cpp", "IndexExpr::variable(static_cast<int>(d)) - padding.low[d]",
     "IndexExpr::variable(static_cast<int>(d)) - padding.high[d] * 2", NET, "pass pad_contractions"),
    ("exp_loses_a_term", "passes/expand_elementary.cpp", "fma(r * r, polynomial(r, kExp), r) + constant(1)",
     "fma(r * r, polynomial(r * constant(0.5), kExp), r) + constant(1)", NET, "pass expand_elementary"),
    ("log_is_shifted", "passes/expand_elementary.cpp", "kSqrtHalf = 0x1.6a09e6p-1", "kSqrtHalf = 0x1.6a09e6p+0",
     SEQUENCE, "pass expand_elementary"),
    ("subtraction_adds", "passes/derivative.cpp", "return which == 0 ? adjoint : negated(adjoint);",
     "return which == 0 ? adjoint : adjoint;", NET, "derivative of `(standardize_batch|cross_entropy)`"),
    ("tanh_is_linear", "passes/derivative.cpp", "return adjoint * (constant(1) - t * t);",
     "return adjoint * (constant(1) - t);", NET, "derivative of `tanh`"),
    ("quotient_without_square", "passes/derivative.cpp", "negated(adjoint * e / args[1])", "negated(adjoint * e)",
     SEQUENCE, "derivative of"),
    ("root_without_half", "passes/derivative.cpp", "adjoint * constant(0.5) / root", "adjoint / root",
     SEQUENCE, "derivative of"),
    ("winner_is_next", "passes/differentiate.cpp",
     "seed = select(apply(Function::Equal, {winner, index_value(flat)}), seed, constant(0));",
     "seed = select(apply(Function::Less, {winner, index_value(flat)}), seed, constant(0));",
     NET, "derivative of `max_pool2d`"),
    ("sum_forgets_a_term", "passes/differentiate.cpp", "for (std::size_t k = 1; k < parts.size(); ++k) sum.body",
     "for (std::size_t k = 2; k < parts.size(); ++k) sum.body", NET, "derivative of"),
    ("phase_is_off", "passes/adjoint.cpp", "settle(v, IndexExpr::quotient(numerator, size));",
     "settle(v, IndexExpr::quotient(numerator - 1, size));", NET, "derivative of"),
    ("dies_early", "passes/plan_memory.cpp", "last[input] = loops.last[r];",
     "last[input] = loops.last[r] - (r % 3 == 2 ? 2 : 0);", NET, "pass plan_memory"),
    ("short_storage", "passes/plan_memory.cpp",
     "for (ValueId value : dying[r])\n      spans.release(graph.values[value].offset, storage_bytes(graph.values[value], "
     "capacity));",
     "for (ValueId value : dying[r])\n      spans.release(graph.values[value].offset, storage_bytes(graph.values[value], "
     "capacity) + 64);", NET, "pass plan_memory"),
    ("product_rounds_twice", "codegen/cpu/tiles.cpp", "total = frame_.call(llvm::Intrinsic::fma, {a, b, total});",
     "total = builder_.CreateFAdd(total, builder_.CreateFMul(a, b));", NET, "kernel"),
    ("last_block_is_left_out", "codegen/cpu/statements.cpp",
     "builder_.CreateAdd(extent, builder_.getInt64(static_cast<uint64_t>(variable.step - 1)));",
     "builder_.CreateAdd(extent, builder_.getInt64(0));", NET, "kernel"),
    ("index_of_the_loser", "codegen/cpu/tiles.cpp",
     "index = builder_.CreateSelect(replaces, operand(s.index_value, piece, lane), index);",
     "index = builder_.CreateSelect(replaces, index, operand(s.index_value, piece, lane));", NET, "kernel"),
    ("guard_is_ignored", "codegen/cpu/memory.cpp",
     "return builder_.CreateSelect(holds, from_storage(loaded, stored, e.type), splat(constant_of(e)));",
     "return from_storage(loaded, stored, e.type);", NET, "kernel"),
    ("mask_is_ignored", "codegen/cpu/memory.cpp",
     "return mask ? builder_.CreateSelect(mask, result, splat(constant_of(e))) : result;", "return result;",
     SEQUENCE, "kernel"),
    ("step_is_late", "codegen/cpu/expressions.cpp", "builder_.CreateFPToUI(frame_.scalar(of_row ? \"epoch\" : \"step\"), i32);",
     "builder_.CreateFPToUI(frame_.scalar(of_row ? \"step\" : \"epoch\"), i32);", NET, "kernel"),
    ("row_of_the_next_window", "passes/schedule/contraction_window.cpp",
     "KernelBody body = compute_rows(first_row + (row.extent - fresh), fresh);",
     "KernelBody body = compute_rows(first_row + (row.extent - fresh) + 1, fresh);", NET, "kernel"),
    ("bound_is_wide", "passes/schedule/kernel_builder.cpp",
     "apply(Function::And, {condition, in_range(e->indices[d], 0, type.shape[d].factor - 1, range)});",
     "apply(Function::And, {condition, in_range(e->indices[d], 0, type.shape[d].factor, range)});", NET, "kernel"),
    ("digit_is_lost", "passes/schedule/reduction_nest.cpp",
     "flat = flat * statement.variables[v].extent.factor + at[v];", "flat = flat * 2 + at[v];", NET, "kernel"),
    ("exponent_is_off", "codegen/cpu/functions.cpp", "constexpr uint64_t kBias = 126;", "constexpr uint64_t kBias = 127;",
     SEQUENCE, "kernel"),
    ("cuda_product_rounds_twice", "codegen/cuda/emit_statement.cpp", '"{0} = fmaf({1}, {2}, {0});"', '"{0} += {1} * {2};"',
     NET, "kernel"),
    ("cuda_smallest_wins", "codegen/cuda/emit_statement.cpp", 'largest ? ">" : "<"', 'largest ? "<" : ">"', NET, "kernel"),
    ("cuda_guard_is_ignored", "codegen/cuda/emit_expression.cpp",
     "const std::string guard = emit(e->arguments[0]).at(Strength::Or);", 'const std::string guard = "true";', NET, "kernel"),
]


def run(command, **options):
    return subprocess.run(command, text=True, capture_output=True, check=False, **options)


def copy_source(source, work):
    # What the build without tests consists of, and what it embeds.
    built = re.findall(r"^add_subdirectory\((\w+)\)", (source / "CMakeLists.txt").read_text(), re.MULTILINE)
    folders = [*built, "std", "docs", "models", "tests/verify"]
    files = [file for folder in folders for file in (source / folder).rglob("*") if file.is_file()]
    kept = {file.relative_to(source) for file in files}
    for folder in folders:
        for old in (work / folder).rglob("*"):
            if old.is_file() and old.relative_to(work) not in kept:
                old.unlink()
    for file in [*files, source / "CMakeLists.txt"]:
        to = work / file.relative_to(source)
        to.parent.mkdir(parents=True, exist_ok=True)
        if not to.exists() or to.read_bytes() != file.read_bytes():
            shutil.copyfile(file, to)  # as of now: what was built of it before is out of date


class Planter:
    def __init__(self, source, work):
        self.work = work
        copy_source(source, work)
        self.build = work / "build"
        made = run(["cmake", "-G", "Ninja", "-S", work, "-B", self.build, "-DCMAKE_BUILD_TYPE=Release",
                    "-DSTRIATE_TESTS=OFF"])
        if made.returncode != 0:
            sys.exit(made.stdout + made.stderr)
        self.make()
        shutil.copy(self.build / "striate", work / "sound")

    def make(self):
        made = run(["ninja", "-C", self.build, "striate"])
        if made.returncode != 0:
            sys.exit(made.stdout + made.stderr)

    def verify(self, *arguments, binary=None):
        return run([binary or self.build / "striate", "verify", *arguments], cwd=self.work, timeout=900)

    def check(self, name, file, there, planted, program, culprit):
        """(caught, named, small reproducer), and a line about it."""
        path = self.work / file
        text = path.read_text()
        if text.count(there) != 1:
            sys.exit(f"{name}: the place in {file} is there {text.count(there)} times")
        path.write_text(text.replace(there, planted))
        found = self.work / "found" / name
        shutil.rmtree(found, ignore_errors=True)
        try:
            self.make()
            result = self.verify(f"tests/verify/{program}", "-o", found, *(CUDA if "/cuda/" in file else []))
            culprits = re.findall(r"culprit +(.*)", result.stdout)
            named = any(re.search(culprit, line) for line in culprits[:2])
            caught = result.returncode == 70 and bool(culprits)
            small = any(self.is_reproducer(file) for file in sorted(found.glob("*.sir")))
        finally:
            path.write_text(text)
        told = culprits[0] if culprits else result.stderr.strip().split("\n")[0] or "nothing"
        return (caught, named, small), f"{name}: {told}"

    def is_reproducer(self, file):
        operations = len(re.findall(r"^  %\S+ : .* = \S+\(", file.read_text(), re.MULTILINE))
        again = self.verify("--reproducer", file).returncode
        return operations <= MOST_OPERATIONS and again != 0 and \
            self.verify("--reproducer", file, binary=self.work / "sound").returncode == 0


def main():
    source, work = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve()
    wanted = sys.argv[3:]
    planter = Planter(source, work)
    for arguments in ([NET], [SEQUENCE], [NET, *CUDA]):
        sound = planter.verify(f"tests/verify/{arguments[0]}", *arguments[1:], "-o", work / "found")
        if sound.returncode != 0:
            sys.exit(f"without a bug, {' '.join(arguments)}:\n{sound.stdout}{sound.stderr}")
    totals = [0, 0, 0]
    bugs = [bug for bug in BUGS if not wanted or bug[0] in wanted]
    for bug in bugs:
        marks, line = planter.check(*bug)
        totals = [total + mark for total, mark in zip(totals, marks)]
        told = ", ".join(what if mark else "not " + what for what, mark in zip(("caught", "named", "reduced"), marks))
        print(f"{told}: {line}", flush=True)
    print(f"of {len(bugs)} bugs {totals[0]} caught, {totals[1]} named, {totals[2]} reduced to {MOST_OPERATIONS} operations")
    enough = totals[0] == len(bugs) and totals[1] >= 0.9 * len(bugs) and totals[2] >= 0.75 * len(bugs)
    sys.exit(0 if enough else 1)


if __name__ == "__main__":
    main()
