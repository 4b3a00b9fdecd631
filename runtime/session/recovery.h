// What a running log holds after a crash.
#pragma once

#include <filesystem>
#include <vector>

#include "runtime/trace/trace.h"

namespace stemma {

// One trace for each that was begun in S.h5.running, with every token that was logged whole, cut into steps; incomplete
// where its end was not logged.
// A line cut off by the crash, and what follows it up to the next head, is left out. Empty where there is no log.
std::vector<Trace> read_running_log(const std::filesystem::path& session);

// Is this logged generation among the traces already saved?
bool is_saved(const Trace& logged, const std::vector<Trace>& saved);

// If every generation in the log is among `saved` (and no one writes to it): makes the activations whole and removes
// it.
void remove_saved_log(const std::filesystem::path& session, const std::vector<Trace>& saved);

}  // namespace stemma
