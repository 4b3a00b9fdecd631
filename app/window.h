// The program as a window.
#pragma once

namespace stemma {

// `stemma [FILE...]`: opens the workbench on the first file, else on the last session, else on the demo. Returns the
// exit status when the window is closed; 1 and one sentence on standard error where there is no display.
int run_window(int argc, char** argv);

}  // namespace stemma
