// A config.json's keys, each checked as it is read. Internal to runtime/model.
#pragma once

#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace stemma {

inline constexpr int64_t config_size_limit = 1 << 24;

class ConfigReader {
 public:
  using Aliases = std::span<const std::pair<std::string_view, std::string_view>>;
  ConfigReader(const nlohmann::json& document, const std::string& file, Aliases aliases = {})
      : document_(document), file_(file), aliases_(aliases) {}

  [[noreturn]] void refuse(const std::string& what) const;
  const std::string& file() const { return file_; }

  bool says(std::string_view key) const { return document_.contains(name(key)); }  // null, too
  const nlohmann::json* find(std::string_view key) const;                          // null where absent or null
  std::string text(std::string_view key, const std::string& otherwise) const;
  bool flag(std::string_view key, bool otherwise) const;
  // A size; -1 for `otherwise` means that it has to be there.
  int size(std::string_view key, int otherwise = -1, int64_t limit = config_size_limit) const;
  float number(std::string_view key, float otherwise) const;  // positive
  std::vector<int> tokens(std::string_view key) const;        // a token id or a list of them; -1 is none
  // The value of a key that holds an object; null where absent.
  const nlohmann::json* object(std::string_view key) const;

 private:
  std::string_view name(std::string_view key) const;
  const nlohmann::json& document_;
  const std::string& file_;
  Aliases aliases_;
};

}  // namespace stemma
