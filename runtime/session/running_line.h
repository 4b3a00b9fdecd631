// The lines of a running log: one JSON object each, a trace's head or one of its tokens.
#pragma once

#include <string>
#include <string_view>

#include "runtime/trace/trace.h"

namespace stemma {

std::string head_line(const Trace& trace);
std::string token_line(const Trace& trace, int32_t token);

// False where the line is not whole, or another kind of line.
bool read_head_line(std::string_view line, Trace& trace);
bool read_token_line(std::string_view line, Trace& trace);  // adds the token to the trace

}  // namespace stemma
