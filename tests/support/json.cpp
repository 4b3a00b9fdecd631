#include "tests/support/json.h"

#include <fstream>

namespace stemma::test {

nlohmann::json json_in(const std::filesystem::path& file) { return nlohmann::json::parse(std::ifstream(file)); }

nlohmann::json json_of(std::string_view text) { return nlohmann::json::parse(text); }

nlohmann::ordered_json ordered_json_in(const std::filesystem::path& file) {
  return nlohmann::ordered_json::parse(std::ifstream(file));
}

}  // namespace stemma::test
