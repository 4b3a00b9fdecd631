// JSON of files and texts, parsed in one place: the parser is what takes longest to compile in a test.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string_view>

namespace stemma::test {

// Both throw nlohmann's parse_error.
nlohmann::json json_in(const std::filesystem::path& file);
nlohmann::json json_of(std::string_view text);
nlohmann::ordered_json ordered_json_in(const std::filesystem::path& file);

}  // namespace stemma::test
