// One line of a JSONL corpus.
#pragma once

#include <string>
#include <string_view>

#include "runtime/corpus/corpus.h"

namespace stemma {

// Fills text, name, source, task and facts from one JSON object. Returns what is wrong with the line ("not JSON",
// "no \"text\""), or an empty string. Memory stays in proportion to the line, however deep it nests.
std::string read_json_line(std::string_view line, Document& document);

}  // namespace stemma
