// The lines of a running log: one JSON object each, a trace's head, one of its tokens, or how it ended.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "runtime/trace/trace.h"

namespace stemma {

std::string head_line(const Trace& trace);
std::string token_line(const Trace& trace, int32_t token);
std::string end_line(const Trace& trace);

// False where the line is not whole, or another kind of line.
bool read_head_line(std::string_view line, Trace& trace);
// Adds the token to the trace that `of` gives for its id; the id is empty in logs of one trace after the other.
bool read_token_line(std::string_view line, const std::function<Trace*(const std::string& id)>& of);
bool read_end_line(std::string_view line, const std::function<Trace*(const std::string& id)>& of);

}  // namespace stemma
