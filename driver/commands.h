// One function per sub-command; each returns the process's exit code.
#pragma once

#include "driver/options.h"

namespace striate {

int command_check(const Options& options);
int command_train(const Options& options);
int command_eval(const Options& options);
int command_run(const Options& options);
int command_bench(const Options& options);
int command_machine(const Options& options);
int command_build(const Options& options);
int command_explain(const Options& options);
int command_summary(const Options& options);
int command_tune(const Options& options);
int command_fmt(const Options& options);
int command_lsp(const Options& options);
int command_new(const Options& options);
int command_opt(const Options& options);
int command_diff(const Options& options);
int command_export(const Options& options);
int command_import(const Options& options);
int command_why(const Options& options);
int command_verify(const Options& options);

} // namespace striate
