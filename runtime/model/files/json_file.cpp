#include "runtime/model/files/json_file.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <unordered_set>
#include <vector>

#include "runtime/error.h"
#include "runtime/model/utf8.h"

namespace stemma {

std::string read_text(const std::filesystem::path& path, uint64_t limit) {
  std::error_code failure;
  const auto status = std::filesystem::status(path, failure);
  if (!std::filesystem::exists(status))
    throw Error(ErrorCode::not_found, fmt::format("{}: there is no such file", path.string()));
  if (!std::filesystem::is_regular_file(status))
    throw Error(ErrorCode::bad_file, fmt::format("{}: not a file", path.string()));
  const uint64_t size = std::filesystem::file_size(path, failure);
  if (failure) throw Error(ErrorCode::disk, fmt::format("{}: cannot be read ({})", path.string(), failure.message()));
  if (size > limit)
    throw Error(ErrorCode::bad_file,
                fmt::format("{}: {} bytes is more than a file of its kind may have ({})", path.string(), size, limit));
  std::string text(size, '\0');
  std::ifstream stream(path, std::ios::binary);
  stream.read(text.data(), static_cast<std::streamsize>(size));
  if (!stream || static_cast<uint64_t>(stream.gcount()) != size)
    throw Error(ErrorCode::disk, fmt::format("{}: cannot be read ({})", path.string(), std::strerror(errno)));
  if (is_git_lfs_pointer(text))
    throw Error(
        ErrorCode::bad_file,
        fmt::format("{}: is a Git-LFS pointer, its content is not here; fetch it with git lfs pull", path.string()));
  return text;
}

nlohmann::json parse_json_object(std::string_view text, const std::string& name) {
  using nlohmann::json;
  std::vector<std::unordered_set<std::string>> keys;  // of the objects that are open, outermost first
  std::string repeated;
  auto watch = [&](int, json::parse_event_t event, json& value) {
    if (event == json::parse_event_t::object_start) {
      keys.emplace_back();
    } else if (event == json::parse_event_t::object_end) {
      keys.pop_back();
    } else if (event == json::parse_event_t::key) {
      const auto& key = value.get_ref<const std::string&>();
      if (!keys.back().insert(key).second && repeated.empty()) repeated = in_quotes(key);
    }
    return true;
  };
  json document;
  try {
    document = json::parse(text.begin(), text.end(), watch);
  } catch (const json::parse_error& error) {
    throw Error(ErrorCode::bad_file, fmt::format("{}: not valid JSON (at byte {}); is it whole?", name, error.byte));
  } catch (const json::exception&) {
    throw Error(ErrorCode::bad_file, fmt::format("{}: not valid JSON; is it whole?", name));
  }
  if (!document.is_object())
    throw Error(ErrorCode::bad_file, fmt::format("{}: not a JSON object; is it the right file?", name));
  if (!repeated.empty())
    throw Error(ErrorCode::bad_file,
                fmt::format("{}: names {} twice in one object; it cannot be read safely", name, repeated));
  return document;
}

std::string in_quotes(std::string_view text) {
  constexpr size_t longest = 80;
  std::string shown = printable(text.substr(0, longest));
  for (char& c : shown)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = '?';
  return fmt::format("'{}{}'", shown, text.size() > longest ? "..." : "");
}

bool is_git_lfs_pointer(std::string_view text) { return text.starts_with("version https://git-lfs.github.com/spec/"); }

}  // namespace stemma
