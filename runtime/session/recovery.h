// What a running log holds after a crash.
#pragma once

#include <filesystem>
#include <vector>

#include "runtime/trace/trace.h"

namespace stemma {

// One incomplete trace per generation in S.h5.running, with every token that was logged whole, cut into steps.
// A line cut off by the crash, and what follows it, is left out. Empty where there is no log.
std::vector<Trace> read_running_log(const std::filesystem::path& session);

// Is this logged generation among the traces already saved?
bool is_saved(const Trace& logged, const std::vector<Trace>& saved);

// Removes the log if every generation in it is among `saved` (and no one writes to it).
void remove_saved_log(const std::filesystem::path& session, const std::vector<Trace>& saved);

}  // namespace stemma
