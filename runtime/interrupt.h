// Signals: the first SIGINT, SIGTERM or SIGHUP (where that is not ignored) asks the training loop to stop
// after its step (and to save); a second one ends the process at once with 128 + its number. SIGUSR1 asks for
// a checkpoint and goes on.
#pragma once

#include "support/result.h"

namespace striate {

void install_interrupt_handlers();

bool stop_requested();
// 130 or 143 once a stop was requested.
ExitCode stop_exit_code();

// True once after each SIGUSR1.
bool take_save_request();

// Forgets earlier requests, for a process that trains more than once.
void clear_interrupts();

} // namespace striate
