// A trace's head as JSON: what is known before its first token. Written to running logs and, the sampler, to sessions.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "runtime/trace/trace.h"

namespace stemma {

nlohmann::json sampler_json(const Sampler& sampler);
bool read_sampler(const std::string& text, Sampler& sampler);  // false: not such JSON

// Bytes as a JSON string and back: text that is not whole UTF-8 keeps each byte as the character of that number.
std::string characters_of_bytes(const std::string& bytes);
bool bytes_of_characters(const std::string& characters, std::string& bytes);

nlohmann::json head_json(const Trace& trace);
bool read_head(const nlohmann::json& head, Trace& trace);

}  // namespace stemma
