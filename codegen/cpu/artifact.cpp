#include "codegen/cpu/artifact.h"

#include "codegen/cpu/compile.h"
#include "codegen/cpu/cpu_level.h"
#include "codegen/cpu/emit_llvm.h"
#include "codegen/cpu/placed_copy.h"
#include "ir/kernel/analysis.h"

#include <llvm/IR/Constants.h>
#include <llvm/IR/GlobalVariable.h>
#include <llvm/IR/Intrinsics.h>
#include <llvm/IR/IntrinsicsAArch64.h>
#include <llvm/IR/IntrinsicsX86.h>
#include <llvm/IR/Verifier.h>
#include <llvm/Support/raw_ostream.h>

#include <algorithm>
#include <map>
#include <numeric>

namespace striate {

namespace {

using cpu::emit_loop;

class ArtifactEmitter {
public:
  ArtifactEmitter(const Artifact& artifact, llvm::Module& module)
      : artifact_(artifact), target_(artifact.versions[0].target), module_(module),
        context_(module.getContext()), builder_(context_), void_(builder_.getVoidTy()),
        i32_(builder_.getInt32Ty()), i64_(builder_.getInt64Ty()), pointer_(builder_.getPtrTy()),
        task_type_(llvm::StructType::get(pointer_, pointer_, pointer_, i64_, i64_)) {
    std::vector<llvm::Type*> fields(3, i64_);
    fields.resize(3 + artifact.settings.size(), builder_.getDoubleTy());
    settings_type_ = llvm::StructType::get(context_, fields);
  }

  void emit() {
    for (const ArtifactVersion& version : artifact_.versions) emit_kernels(version);
    if (artifact_.versions.size() > 1) emit_version();
    emit_part();
    emit_call();
    if (artifact_.versions[0].init) emit_init();
    for (std::size_t k = 0; k < artifact_.entries.size(); ++k) emit_entry_point(k);
    if (!artifact_.weights.empty()) emit_load_trained();
    emit_save();
    emit_load();
  }

private:
  llvm::ConstantInt* number(int64_t value) { return builder_.getInt64(static_cast<uint64_t>(value)); }
  std::string symbol(const std::string& name) const { return artifact_.prefix + "_" + name; }

  llvm::Function* begin_function(const std::string& name, llvm::Type* result,
                                 std::vector<llvm::Type*> arguments, bool exported) {
    auto* type = llvm::FunctionType::get(result, arguments, false);
    auto* function = llvm::Function::Create(
        type, exported ? llvm::Function::ExternalLinkage : llvm::Function::InternalLinkage, symbol(name),
        module_);
    function->setDoesNotThrow();
    function->addFnAttr("target-cpu", target_.name);
    if (!target_.features.empty()) function->addFnAttr("target-features", target_.features);
    builder_.SetInsertPoint(llvm::BasicBlock::Create(context_, "entry", function));
    return function;
  }

  // Emits what `body` emits, which runs where `condition` holds.
  void emit_if(llvm::Value* condition, const std::function<void()>& body) {
    llvm::Function* function = builder_.GetInsertBlock()->getParent();
    auto* then = llvm::BasicBlock::Create(context_, "then", function);
    auto* after = llvm::BasicBlock::Create(context_, "after", function);
    builder_.CreateCondBr(condition, then, after);
    builder_.SetInsertPoint(then);
    body();
    builder_.CreateBr(after);
    builder_.SetInsertPoint(after);
  }

  // Returns `code` where `condition` does not hold.
  void require(llvm::Value* condition, int code) {
    llvm::Function* function = builder_.GetInsertBlock()->getParent();
    auto* wrong = llvm::BasicBlock::Create(context_, "wrong", function);
    auto* right = llvm::BasicBlock::Create(context_, "right", function);
    builder_.CreateCondBr(condition, right, wrong);
    builder_.SetInsertPoint(wrong);
    builder_.CreateRet(builder_.getInt32(static_cast<uint32_t>(code)));
    builder_.SetInsertPoint(right);
  }

  llvm::GlobalVariable* constant_bytes(const std::string& bytes, const std::string& name) {
    llvm::Constant* value = llvm::ConstantDataArray::getString(context_, bytes, false);
    auto* variable = new llvm::GlobalVariable(module_, value->getType(), true,
                                              llvm::GlobalValue::PrivateLinkage, value, symbol(name));
    variable->setAlignment(llvm::Align(64));
    return variable;
  }

  void emit_kernels(const ArtifactVersion& version) {
    std::vector<const Program*> programs = version.entries;
    if (version.init) programs.push_back(version.init);
    for (const cpu::SharedKernels& shared : cpu::distinct_kernels(programs)) {
      const auto& [first, number, _] = shared.places.front();
      llvm::Function* body = emit_body(first->kernels[number], first->scalars, version.target,
                                       symbol(symbol_of(*first, number) + ".body"), module_);
      body->setLinkage(llvm::GlobalValue::InternalLinkage);
      for (const cpu::KernelPlace& place : shared.places)
        kernels_[{place.program, place.kernel}] = emit_entry(
            place.program->kernels[place.kernel], symbol(symbol_of(*place.program, place.kernel)), *body);
    }
  }

  // The function that passes a kernel's own offsets on to the body that it shares with others.
  llvm::Function* emit_entry(const Kernel& kernel, const std::string& name, llvm::Function& body) {
    std::vector<uint64_t> offsets;
    for (const KernelBuffer& buffer : kernel.buffers) offsets.push_back(static_cast<uint64_t>(buffer.offset));
    llvm::Constant* values = llvm::ConstantDataArray::get(context_, offsets);
    auto* table = new llvm::GlobalVariable(module_, values->getType(), true,
                                           llvm::GlobalValue::PrivateLinkage, values, name + ".offsets");
    std::vector<llvm::Type*> types(body.getFunctionType()->params().drop_back().vec());
    auto* type = llvm::FunctionType::get(builder_.getVoidTy(), types, false);
    auto* entry = llvm::Function::Create(type, llvm::Function::InternalLinkage, name, module_);
    entry->setDoesNotThrow();
    llvm::IRBuilder<> builder(llvm::BasicBlock::Create(context_, "entry", entry));
    std::vector<llvm::Value*> arguments;
    for (llvm::Argument& argument : entry->args()) arguments.push_back(&argument);
    arguments.push_back(table);
    builder.CreateCall(&body, arguments)->setTailCall();
    builder.CreateRetVoid();
    return entry;
  }

  // version(): the last that this machine can run, found out once, or the one that use_version(int) chose.
  void emit_version() {
    std::vector<int> levels;
    for (const ArtifactVersion& version : artifact_.versions)
      levels.push_back(cpu::level_of(version.target.name));
    llvm::Function* best = begin_function("best_version", i32_, {}, false);
    llvm::Value* level = cpu::emit_cpu_level(builder_);
    llvm::Value* chosen = builder_.getInt32(0);
    for (std::size_t k = 1; k < levels.size(); ++k)
      chosen = builder_.CreateSelect(
          builder_.CreateICmpSGE(level, builder_.getInt32(static_cast<uint32_t>(levels[k]))),
          builder_.getInt32(static_cast<uint32_t>(k)), chosen);
    builder_.CreateRet(chosen);

    auto* state = new llvm::GlobalVariable(module_, i32_, false, llvm::GlobalValue::InternalLinkage,
                                           builder_.getInt32(UINT32_MAX), symbol("chosen_version"));
    const auto store = [&](llvm::Value* value) {
      llvm::StoreInst* stored = builder_.CreateStore(value, state);
      stored->setAtomic(llvm::AtomicOrdering::Monotonic);
      stored->setAlignment(llvm::Align(4));
    };
    version_ = begin_function("version", i32_, {}, true);
    llvm::LoadInst* known = builder_.CreateLoad(i32_, state);
    known->setAtomic(llvm::AtomicOrdering::Monotonic);
    known->setAlignment(llvm::Align(4));
    emit_if(builder_.CreateICmpSLT(known, builder_.getInt32(0)), [&] { store(builder_.CreateCall(best)); });
    llvm::LoadInst* now = builder_.CreateLoad(i32_, state);
    now->setAtomic(llvm::AtomicOrdering::Monotonic);
    now->setAlignment(llvm::Align(4));
    builder_.CreateRet(now);

    llvm::Function* use = begin_function("use_version", i32_, {i32_}, true);
    llvm::Value* wanted = use->getArg(0);
    require(builder_.CreateICmpSLE(wanted, builder_.CreateCall(best)), kArtifactBadVersion);
    store(wanted); // below 0: the best one again
    builder_.CreateRet(builder_.getInt32(kArtifactOk));
  }

  // Emits what `body` emits for each version, of which one runs.
  void for_the_version(const std::function<void(const ArtifactVersion&)>& body) {
    if (!version_) return body(artifact_.versions[0]);
    llvm::Value* version = builder_.CreateCall(version_);
    for (std::size_t k = 0; k < artifact_.versions.size(); ++k)
      emit_if(builder_.CreateICmpEQ(version, builder_.getInt32(static_cast<uint32_t>(k))),
              [&] { body(artifact_.versions[k]); });
  }

  // The floating-point environment of compiled code (runtime/thread_pool.h), as a number; set_float_state
  // sets it.
  llvm::Value* float_state() {
    if (is_aarch64()) return call(llvm::Intrinsic::aarch64_get_fpcr, {});
    llvm::Value* memory = builder_.CreateAlloca(i32_);
    call(llvm::Intrinsic::x86_sse_stmxcsr, {memory});
    return builder_.CreateLoad(i32_, memory);
  }
  void set_float_state(llvm::Value* state) {
    if (is_aarch64()) {
      call(llvm::Intrinsic::aarch64_set_fpcr, {state});
      return;
    }
    llvm::Value* memory = builder_.CreateAlloca(i32_);
    builder_.CreateStore(state, memory);
    call(llvm::Intrinsic::x86_sse_ldmxcsr, {memory});
  }
  llvm::Value* compiled_code_state() {
    return is_aarch64() ? number(int64_t{1} << 24)
                        : static_cast<llvm::Value*>(builder_.getInt32(0x1F80 | 0x8040));
  }
  bool is_aarch64() const { return llvm::Triple(module_.getTargetTriple()).isAArch64(); }
  llvm::Value* call(llvm::Intrinsic::ID intrinsic, std::vector<llvm::Value*> arguments) {
    return builder_.CreateIntrinsic(intrinsic == llvm::Intrinsic::aarch64_get_fpcr ? i64_ : void_, intrinsic,
                                    arguments);
  }

  // part(task, begin, end): the part [begin, end) of a kernel's parallel range, in the calling thread.
  void emit_part() {
    part_ = begin_function("part", void_, {pointer_, i64_, i64_}, false);
    llvm::Value* task = part_->getArg(0);
    const auto field = [&](unsigned k, llvm::Type* type) {
      return builder_.CreateLoad(type, builder_.CreateStructGEP(task_type_, task, k));
    };
    llvm::Value* saved = float_state();
    set_float_state(compiled_code_state());
    llvm::Value* base = field(4, i64_);
    auto* kernel = llvm::FunctionType::get(void_, {pointer_, pointer_, i64_, i64_, i64_}, false);
    builder_.CreateCall(kernel, field(0, pointer_),
                        {field(1, pointer_), field(2, pointer_), field(3, i64_),
                         builder_.CreateAdd(base, part_->getArg(1)),
                         builder_.CreateAdd(base, part_->getArg(2))});
    set_float_state(saved);
    builder_.CreateRetVoid();
  }

  // call(kernel, workspace, scalars, examples, base, extent, threads): all of it, by the caller's threads if
  // any.
  void emit_call() {
    call_ = begin_function("call", void_, {pointer_, pointer_, pointer_, i64_, i64_, i64_, pointer_}, false);
    llvm::Value* task = builder_.CreateAlloca(task_type_);
    for (unsigned k = 0; k < 5; ++k)
      builder_.CreateStore(call_->getArg(k), builder_.CreateStructGEP(task_type_, task, k));
    llvm::Value* extent = call_->getArg(5);
    llvm::Value* threads = call_->getArg(6);
    emit_if(builder_.CreateICmpSGT(extent, number(0)), [&] {
      llvm::Value* alone = builder_.CreateIsNull(threads);
      emit_if(alone, [&] { builder_.CreateCall(part_, {task, number(0), extent}); });
      emit_if(builder_.CreateNot(alone), [&] {
        auto* pair = llvm::StructType::get(pointer_, pointer_); // parallel_for, pool
        llvm::Value* hook = builder_.CreateLoad(pointer_, threads);
        llvm::Value* pool = builder_.CreateLoad(pointer_, builder_.CreateStructGEP(pair, threads, 1));
        auto* type = llvm::FunctionType::get(void_, {pointer_, i64_, pointer_, pointer_}, false);
        builder_.CreateCall(type, hook, {pool, extent, part_, task});
      });
    });
    builder_.CreateRetVoid();
  }

  llvm::Value* extent_of(const Kernel& kernel, llvm::Value* examples) {
    llvm::Value* extent = number(1);
    for (int number_of_variable : parallel_nest(kernel).variables) {
      const KernelVariable& variable = kernel.variables[static_cast<std::size_t>(number_of_variable)];
      llvm::Value* size = number(variable.extent.factor);
      if (variable.extent.batch) size = builder_.CreateMul(size, examples);
      llvm::Value* rounded = builder_.CreateAdd(size, number(variable.step - 1));
      extent = builder_.CreateMul(extent, builder_.CreateUDiv(rounded, number(variable.step)));
    }
    return extent;
  }

  void emit_kernel_call(const Program& program, std::size_t kernel, llvm::Value* workspace,
                        llvm::Value* scalars, llvm::Value* examples, llvm::Value* part, int64_t parts,
                        llvm::Value* threads) {
    llvm::Value* extent = extent_of(program.kernels[kernel], examples);
    if (parts > 1) extent = builder_.CreateUDiv(extent, number(parts));
    builder_.CreateCall(call_, {kernels_.at({&program, kernel}), workspace, scalars, examples,
                                builder_.CreateMul(part, extent), extent, threads});
  }

  // The order of visit_calls (support/kernel_loop.h), with its loops as loops.
  void emit_calls(const Program& program, llvm::Value* workspace, llvm::Value* scalars, llvm::Value* examples,
                  llvm::Value* threads) {
    for (std::size_t k = 0; k < program.kernels.size();) {
      const auto loop = std::ranges::find(program.loops, k, &KernelLoop::first);
      if (loop == program.loops.end()) {
        emit_kernel_call(program, k++, workspace, scalars, examples, number(0), 1, threads);
        continue;
      }
      emit_loop(builder_, number(loop->steps), [&](llvm::Value* step) {
        llvm::Value* part = loop->reverse ? builder_.CreateSub(number(loop->steps - 1), step) : step;
        for (std::size_t kernel = k; kernel < k + loop->count; ++kernel)
          emit_kernel_call(program, kernel, workspace, scalars, examples, part, loop->steps, threads);
      });
      k += loop->count;
    }
  }

  // The slots of the programs' run-time scalars (Executor::set_slots). `settings` may be null: then there are
  // none.
  llvm::Value* emit_scalars(const Program& program, llvm::Value* examples, llvm::Value* seed,
                            llvm::Value* settings) {
    llvm::Type* f32 = builder_.getFloatTy();
    llvm::Value* slots =
        builder_.CreateAlloca(f32, number(std::max<int64_t>(1, std::ssize(program.scalars))));
    const auto setting = [&](unsigned k) {
      llvm::Type* type = settings_type_->getElementType(k);
      return builder_.CreateLoad(type, builder_.CreateStructGEP(settings_type_, settings, k));
    };
    for (std::size_t slot = 0; slot < program.scalars.size(); ++slot) {
      const std::string& name = program.scalars[slot];
      llvm::Value* value = llvm::ConstantFP::get(f32, 0);
      const auto own = std::ranges::find(artifact_.settings, name);
      if (name == "N") {
        value = builder_.CreateSIToFP(examples, f32);
      } else if (name == "1/N") {
        llvm::Type* f64 = builder_.getDoubleTy();
        value = builder_.CreateFPTrunc(
            builder_.CreateFDiv(llvm::ConstantFP::get(f64, 1), builder_.CreateSIToFP(examples, f64)), f32);
      } else if (name == "seed.low" || name == "seed.high") {
        llvm::Value* half = name == "seed.low" ? seed : builder_.CreateLShr(seed, 32);
        value = builder_.CreateBitCast(builder_.CreateTrunc(half, i32_), f32);
      } else if (settings && (name == "step" || name == "epoch")) {
        value = builder_.CreateSIToFP(setting(name == "step" ? 1 : 2), f32);
      } else if (settings && own != artifact_.settings.end()) {
        value = builder_.CreateFPTrunc(setting(static_cast<unsigned>(3 + (own - artifact_.settings.begin()))),
                                       f32);
      }
      builder_.CreateStore(value, builder_.CreateConstGEP1_64(f32, slots, slot));
    }
    return slots;
  }

  void emit_init() {
    llvm::Function* function = begin_function("init", void_, {pointer_, i64_}, true);
    for_the_version([&](const ArtifactVersion& version) {
      llvm::Value* slots = emit_scalars(*version.init, number(1), function->getArg(1), nullptr);
      emit_calls(*version.init, function->getArg(0), slots, number(1),
                 llvm::ConstantPointerNull::get(pointer_));
    });
    builder_.CreateRetVoid();
  }

  void emit_entry_point(std::size_t number_of_entry) {
    const ArtifactEntry& entry = artifact_.entries[number_of_entry];
    std::vector<llvm::Type*> arguments = {pointer_};
    if (entry.takes_settings) arguments.push_back(pointer_);
    arguments.push_back(i64_);
    arguments.resize(arguments.size() + entry.inputs.size() + entry.outputs.size() + 1, pointer_);
    llvm::Function* function = begin_function(entry.name, i32_, arguments, true);
    unsigned next = 0;
    llvm::Value* workspace = function->getArg(next++);
    llvm::Value* settings = entry.takes_settings ? function->getArg(next++) : nullptr;
    llvm::Value* examples = function->getArg(next++);
    require(builder_.CreateAnd(builder_.CreateICmpSGE(examples, number(1)),
                               builder_.CreateICmpSLE(examples, number(artifact_.capacity))),
            kArtifactBadExamples);
    llvm::Value* seed = settings ? static_cast<llvm::Value*>(builder_.CreateLoad(i64_, settings)) : number(0);
    for (const Placement& input : entry.inputs) {
      llvm::Value* logical = function->getArg(next++);
      emit_if(builder_.CreateIsNotNull(logical),
              [&] { cpu::emit_copy_in(builder_, input, workspace, logical, examples); });
    }
    llvm::Value* threads = function->getArg(static_cast<unsigned>(function->arg_size() - 1));
    for_the_version([&](const ArtifactVersion& version) {
      const Program& program = *version.entries[number_of_entry];
      emit_calls(program, workspace, emit_scalars(program, examples, seed, settings), examples, threads);
    });
    for (const Placement& output : entry.outputs) {
      llvm::Value* logical = function->getArg(next++);
      emit_if(builder_.CreateIsNotNull(logical),
              [&] { cpu::emit_copy_out(builder_, output, workspace, logical, examples); });
    }
    builder_.CreateRet(builder_.getInt32(kArtifactOk));
  }

  void emit_load_trained() {
    llvm::Function* function = begin_function("load_trained", void_, {pointer_}, true);
    for (std::size_t k = 0; k < artifact_.persistents.size(); ++k) {
      const std::string& bytes = artifact_.weights[k];
      if (bytes.empty()) continue;
      const Placement& placement = artifact_.persistents[k];
      llvm::Value* to = builder_.CreatePtrAdd(function->getArg(0), number(placement.offset));
      builder_.CreateMemCpy(to, llvm::Align(64), constant_bytes(bytes, placement.name), llvm::Align(64),
                            bytes.size());
    }
    builder_.CreateRetVoid();
  }

  static int64_t logical_bytes(const Placement& placement) {
    return std::accumulate(placement.shape.begin(), placement.shape.end(), byte_size(placement.element),
                           std::multiplies<>());
  }

  void emit_save() {
    llvm::Function* function = begin_function("save", void_, {pointer_, pointer_}, true);
    header_ = constant_bytes(artifact_.file_header, "header");
    builder_.CreateMemCpy(function->getArg(1), llvm::Align(1), header_, llvm::Align(64),
                          artifact_.file_header.size());
    int64_t at = std::ssize(artifact_.file_header);
    for (const Placement& placement : artifact_.persistents) {
      llvm::Value* to = builder_.CreatePtrAdd(function->getArg(1), number(at));
      cpu::emit_copy_out(builder_, placement, function->getArg(0), to, number(0));
      at += logical_bytes(placement);
    }
    builder_.CreateRetVoid();
  }

  void emit_load() {
    llvm::Function* function = begin_function("load", i32_, {pointer_, pointer_, i64_}, true);
    int64_t total = std::ssize(artifact_.file_header);
    for (const Placement& placement : artifact_.persistents) total += logical_bytes(placement);
    llvm::Value* file = function->getArg(1);
    require(builder_.CreateICmpEQ(function->getArg(2), number(total)), kArtifactBadFile);
    llvm::Type* i8 = builder_.getInt8Ty();
    llvm::Value* difference = builder_.CreateAlloca(i8);
    builder_.CreateStore(builder_.getInt8(0), difference);
    emit_loop(builder_, number(std::ssize(artifact_.file_header)), [&](llvm::Value* k) {
      llvm::Value* mine = builder_.CreateLoad(i8, builder_.CreateGEP(i8, header_, k));
      llvm::Value* theirs = builder_.CreateLoad(i8, builder_.CreateGEP(i8, file, k));
      llvm::Value* so_far = builder_.CreateLoad(i8, difference);
      builder_.CreateStore(builder_.CreateOr(so_far, builder_.CreateXor(mine, theirs)), difference);
    });
    require(builder_.CreateIsNull(builder_.CreateLoad(i8, difference)), kArtifactBadFile);
    int64_t at = std::ssize(artifact_.file_header);
    for (const Placement& placement : artifact_.persistents) {
      cpu::emit_copy_in(builder_, placement, function->getArg(0), builder_.CreatePtrAdd(file, number(at)),
                        number(0));
      at += logical_bytes(placement);
    }
    builder_.CreateRet(builder_.getInt32(kArtifactOk));
  }

  const Artifact& artifact_;
  const TargetInfo& target_;
  llvm::Module& module_;
  llvm::LLVMContext& context_;
  llvm::IRBuilder<> builder_;
  llvm::Type* void_;
  llvm::IntegerType* i32_;
  llvm::IntegerType* i64_;
  llvm::PointerType* pointer_;
  llvm::StructType* task_type_; // kernel, workspace, scalars, examples, base
  llvm::StructType* settings_type_;
  std::map<std::pair<const Program*, std::size_t>, llvm::Function*> kernels_;
  llvm::Function* part_ = nullptr;
  llvm::Function* call_ = nullptr;
  llvm::Function* version_ = nullptr; // where there are several
  llvm::GlobalVariable* header_ = nullptr;
};

} // namespace

bool is_level(const TargetInfo& target) { return cpu::level_of(target.name) > 0; }

Result<std::string> artifact_object(const Artifact& artifact) {
  CHECK(!artifact.versions.empty());
  return cpu::generate_module(artifact.versions[0].target, cpu::OutputKind::Object, artifact.prefix,
                              [&](llvm::Module& module) { ArtifactEmitter(artifact, module).emit(); });
}

} // namespace striate
