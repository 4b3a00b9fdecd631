// Ctrl+C and SIGTERM, handled on a thread that computes nothing.
#pragma once

#include "runtime/progress.h"

namespace stemma {

// Call first in a command's process: this thread and those it starts then leave these signals to another. A signal that
// interrupts oneDNN's matrix product, even into an empty handler, corrupts the heap (libdnnl 2.6.3).
void take_signals();
// What the first signal cancels; the second ends the program at once. `control` must outlive the work. One at a time.
void cancel_on_signal(Control& control);

}  // namespace stemma
