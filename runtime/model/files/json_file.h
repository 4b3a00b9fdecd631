// JSON from strangers: bounded, and every failure an Error that names the file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace stemma {

// The whole file. Throws Error: missing, not a file, larger than `limit` bytes, a Git-LFS pointer.
std::string read_text(const std::filesystem::path& path, uint64_t limit);

// `name` is the file, for messages. Throws Error where `text` is not one JSON object without repeated keys.
nlohmann::json parse_json_object(std::string_view text, const std::string& name);

// A key or name from a file, fit for a message: quoted, printable, cut.
std::string in_quotes(std::string_view text);

bool is_git_lfs_pointer(std::string_view text);

}  // namespace stemma
