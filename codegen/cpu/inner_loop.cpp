#include "codegen/cpu/inner_loop.h"

#include "codegen/cpu/compile.h"
#include "codegen/cpu/llvm_compat.h"

#include <fmt/format.h>

#include <llvm/MC/MCAsmInfo.h>
#include <llvm/MC/MCContext.h>
#include <llvm/MC/MCInstrAnalysis.h>
#include <llvm/MC/MCInstrInfo.h>
#include <llvm/MC/MCObjectFileInfo.h>
#include <llvm/MC/MCParser/MCAsmParser.h>
#include <llvm/MC/MCParser/MCTargetAsmParser.h>
#include <llvm/MC/MCRegisterInfo.h>
#include <llvm/MC/MCStreamer.h>
#include <llvm/MCA/Context.h>
#include <llvm/MCA/CustomBehaviour.h>
#include <llvm/MCA/InstrBuilder.h>
#include <llvm/MCA/Pipeline.h>
#include <llvm/MCA/SourceMgr.h>
#include <llvm/Support/MemoryBuffer.h>
#include <llvm/Support/SourceMgr.h>

#include <algorithm>
#include <map>
#include <string_view>
#include <vector>

namespace striate {

namespace {

struct LoopText {
  int depth = 0;
  std::vector<std::string> lines; // of instructions, with their comments
};

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  return first == std::string_view::npos ? "" : text.substr(first);
}

int number_after(std::string_view text, std::string_view mark) {
  const std::size_t at = text.find(mark);
  int number = 0;
  for (std::size_t k = at + mark.size();
       at != std::string_view::npos && k < text.size() && std::isdigit(text[k]); ++k)
    number = 10 * number + (text[k] - '0');
  return number;
}

// The innermost loops of a text with the code generator's comments:
//   .LBB0_2:                                # %parallel
//                                           #   Parent Loop BB0_1 Depth=1
//                                           # =>  This Inner Loop Header: Depth=2
//   # %bb.3:                                #   in Loop: Header=BB0_2 Depth=2
std::vector<LoopText> inner_loops(const std::string& assembly) {
  std::map<std::string, LoopText> loops;
  std::string block, loop; // the block's label without `.L`, and the innermost loop's header, or ""
  for (std::size_t at = 0; at < assembly.size();) {
    const std::size_t end = std::min(assembly.find('\n', at), assembly.size());
    const std::string line = assembly.substr(at, end - at);
    at = end + 1;
    const std::string_view text = trimmed(line);
    const bool labelled = text.starts_with(".LBB");
    const bool starts = labelled || text.find("%bb.") < 4;
    if (starts) {
      block = labelled ? std::string(text.substr(2, text.find(':') - 2)) : "";
      loop.clear();
    }
    if (text.find("This Inner Loop Header") != std::string_view::npos) {
      loop = block;
      loops[loop].depth = number_after(text, "Depth=");
    } else if (const std::size_t in = text.find("in Loop: Header="); in != std::string_view::npos) {
      const std::string_view header = text.substr(in + std::string_view("in Loop: Header=").size());
      loop = header.substr(0, header.find(' '));
    }
    const bool instruction =
        !text.empty() && !starts && (std::isalpha(static_cast<unsigned char>(text[0])) != 0);
    if (instruction && !loop.empty()) loops[loop].lines.emplace_back(text);
  }
  std::vector<LoopText> result;
  for (auto& [header, text] : loops)
    if (text.depth > 0 && !text.lines.empty())
      result.push_back(std::move(text)); // an outer one has no depth here
  return result;
}

// Instructions as the assembler reads them.
class Collector : public llvm::MCStreamer {
public:
  explicit Collector(llvm::MCContext& context) : MCStreamer(context) {}
  void emitInstruction(const llvm::MCInst& instruction, const llvm::MCSubtargetInfo&) override {
    instructions.push_back(instruction);
  }
  bool emitSymbolAttribute(llvm::MCSymbol*, llvm::MCSymbolAttr) override { return true; }
  void emitCommonSymbol(llvm::MCSymbol*, uint64_t, llvm::Align) override {}
  void emitZerofill(llvm::MCSection*, llvm::MCSymbol*, uint64_t, llvm::Align, llvm::SMLoc) override {}

  std::vector<llvm::MCInst> instructions;
};

std::vector<llvm::MCInst> assembled(const LoopText& loop, const llvm::TargetMachine& machine) {
  std::string text;
  for (const std::string& line : loop.lines) text += line + "\n";
  llvm::SourceMgr source;
  source.AddNewSourceBuffer(llvm::MemoryBuffer::getMemBuffer(text), llvm::SMLoc());
  source.setDiagHandler([](const llvm::SMDiagnostic&, void*) {});
  llvm::MCContext context(machine.getTargetTriple(), machine.getMCAsmInfo(), machine.getMCRegisterInfo(),
                          machine.getMCSubtargetInfo(), &source);
  const std::unique_ptr<llvm::MCObjectFileInfo> sections(
      machine.getTarget().createMCObjectFileInfo(context, true));
  context.setObjectFileInfo(sections.get());
  Collector collector(context);
  const std::unique_ptr<llvm::MCAsmParser> parser(
      llvm::createMCAsmParser(source, context, collector, *machine.getMCAsmInfo()));
  const llvm::MCTargetOptions options;
  const std::unique_ptr<llvm::MCTargetAsmParser> target_parser(machine.getTarget().createMCAsmParser(
      *machine.getMCSubtargetInfo(), *parser, *machine.getMCInstrInfo(), options));
  if (!target_parser) return {};
  parser->setTargetParser(*target_parser);
  parser->Run(false);
  // A symbol of a branch would outlive its context; the model looks at no operand of one.
  for (llvm::MCInst& instruction : collector.instructions)
    for (llvm::MCOperand& operand : instruction)
      if (operand.isExpr()) operand = llvm::MCOperand::createImm(0);
  return std::move(collector.instructions);
}

bool starts_with_any(std::string_view name, std::initializer_list<std::string_view> words) {
  return std::ranges::any_of(words, [&](std::string_view word) { return name.starts_with(word); });
}

// LLVM's names of instructions, without the V of AVX: "VFMADD231PSZr", "FMLAv4f32".
class Names {
public:
  explicit Names(std::string_view name)
      : name_(name.starts_with("V") ? name.substr(1) : name),
        of_lanes_(name_.find("PS") != std::string_view::npos || name_.find("PD") != std::string_view::npos) {}

  bool is_fma() const {
    return starts_with_any(name_, {"FMADD", "FMSUB", "FNMADD", "FNMSUB", "FMLA", "FMLS"});
  }
  bool is_arithmetic() const {
    return is_fma() || ((of_lanes_ || is_scalar() || name_.starts_with("F")) &&
                        starts_with_any(name_, {"ADD", "SUB", "MUL", "DIV", "MAX", "MIN", "SQRT", "FADD",
                                                "FSUB", "FMUL", "FDIV", "FMAX", "FMIN", "FSQRT"}));
  }
  bool is_shuffle() const {
    return starts_with_any(name_, {"PERM",    "SHUF",     "UNPCK",     "PUNPCK",     "PSHUF", "INSERT",
                                   "EXTRACT", "MOVSLDUP", "MOVSHDUP",  "MOVDDUP",    "MOVHL", "MOVLH",
                                   "ALIGN",   "PALIGN",   "BROADCAST", "PBROADCAST", "ZIP",   "UZP",
                                   "TRN",     "TBL",      "EXTv",      "DUP",        "INSv",  "REV"});
  }
  // One element of a vector register: "ADDSSrr", "MULSDZrm".
  bool is_scalar() const {
    for (const std::string_view of : {"SS", "SD"})
      for (const char* const behind : {"Z", "r", "m"})
        if (name_.find(std::string(of) + behind) != std::string_view::npos) return true;
    return false;
  }

private:
  std::string_view name_;
  bool of_lanes_;
};

int register_bits(std::string_view name) {
  if (name.starts_with("ZMM")) return 512;
  if (name.starts_with("YMM")) return 256;
  if (name.starts_with("XMM") || (name.starts_with("Q") && name.size() <= 3)) return 128;
  if (name.size() <= 3 && name.size() > 1 && std::isdigit(static_cast<unsigned char>(name[1])))
    return name[0] == 'D' ? 64 : name[0] == 'S' ? 32 : 0;
  return 0;
}

InnerLoop facts_of(const LoopText& loop, const std::vector<llvm::MCInst>& instructions,
                   const llvm::TargetMachine& machine) {
  constexpr double kElementBits = 32;
  const llvm::MCInstrInfo& names = *machine.getMCInstrInfo();
  InnerLoop facts;
  facts.depth = loop.depth;
  facts.instructions = static_cast<int>(instructions.size());
  for (const llvm::MCInst& instruction : instructions) {
    const llvm::MCInstrDesc& description = names.get(instruction.getOpcode());
    const llvm::StringRef full = names.getName(instruction.getOpcode());
    const Names name(std::string_view(full.data(), full.size()));
    if (description.mayLoad()) ++facts.loads;
    if (description.mayStore()) ++facts.stores;
    if (name.is_fma()) ++facts.fmas;
    if (name.is_shuffle() && !description.mayLoad()) ++facts.shuffles;
    if (!name.is_arithmetic()) continue;
    int bits = 0;
    for (const llvm::MCOperand& operand : instruction)
      if (operand.isReg() && operand.getReg()) {
        const llvm::StringRef reg = machine.getMCRegisterInfo()->getName(operand.getReg());
        bits = std::max(bits, register_bits(std::string_view(reg.data(), reg.size())));
      }
    if (name.is_scalar()) bits = full.contains("SD") ? 64 : 32;
    facts.vector_bits = std::max(facts.vector_bits, bits);
    facts.flops += (name.is_fma() ? 2 : 1) * bits / kElementBits;
  }
  for (const std::string& line : loop.lines)
    if (line.find("Spill") != std::string::npos || line.find("Reload") != std::string::npos) ++facts.spills;
  return facts;
}

// Cycles of a pass through the loop, by the scheduling model; 0 where there is none.
double cycles_of(const std::vector<llvm::MCInst>& instructions, const llvm::TargetMachine& machine) {
  constexpr unsigned kPasses = 100, kCallLatency = 100;
  const llvm::MCSubtargetInfo& subtarget = *machine.getMCSubtargetInfo();
  if (!subtarget.getSchedModel().hasInstrSchedModel()) return 0;
  const llvm::MCInstrInfo& names = *machine.getMCInstrInfo();
  const std::unique_ptr<llvm::MCInstrAnalysis> analysis(machine.getTarget().createMCInstrAnalysis(&names));
  llvm::mca::InstrumentManager instruments(subtarget, names);
  llvm::mca::InstrBuilder builder(subtarget, names, *machine.getMCRegisterInfo(), analysis.get(), instruments,
                                  kCallLatency);
  std::vector<std::unique_ptr<llvm::mca::Instruction>> lowered;
  for (const llvm::MCInst& instruction : instructions) {
    auto made = builder.createInstruction(instruction, {});
    if (!made) {
      llvm::consumeError(made.takeError());
      return 0;
    }
    lowered.push_back(std::move(*made));
  }
  llvm::mca::CircularSourceMgr source(lowered, kPasses);
  llvm::mca::Context context(*machine.getMCRegisterInfo(), subtarget);
  llvm::mca::CustomBehaviour behaviour(subtarget, source, names);
  const llvm::mca::PipelineOptions options(0, 0, 0, 0, 0, 0, true);
  const auto pipeline = subtarget.getSchedModel().isOutOfOrder()
                            ? context.createDefaultPipeline(options, source, behaviour)
                            : context.createInOrderPipeline(options, source, behaviour);
  auto cycles = pipeline->run();
  if (!cycles) {
    llvm::consumeError(cycles.takeError());
    return 0;
  }
  return static_cast<double>(*cycles) / kPasses;
}

} // namespace

std::optional<InnerLoop> hottest_inner_loop(const std::string& assembly, const TargetInfo& target) {
  const std::unique_ptr<llvm::TargetMachine> machine = cpu::machine_for(target);
  std::optional<InnerLoop> best;
  std::vector<llvm::MCInst> instructions;
  for (const LoopText& loop : inner_loops(assembly)) {
    std::vector<llvm::MCInst> of_loop = assembled(loop, *machine);
    const InnerLoop facts = facts_of(loop, of_loop, *machine);
    const auto weight = [](const InnerLoop& f) { return std::tuple(f.fmas, f.depth, f.instructions); };
    if (best && weight(facts) <= weight(*best)) continue;
    best = facts;
    instructions = std::move(of_loop);
  }
  if (best) best->model_cycles = cycles_of(instructions, *machine);
  return best;
}

std::string inner_loop_text(const InnerLoop& loop) {
  std::string text = fmt::format(
      "{} instructions, {} bits, {} fma, {} loads, {} stores, {} shuffles, {} spills", loop.instructions,
      loop.vector_bits, loop.fmas, loop.loads, loop.stores, loop.shuffles, loop.spills);
  if (loop.model_cycles > 0) text += fmt::format("; {:.1f} cycles by LLVM's model", loop.model_cycles);
  return text;
}

} // namespace striate
