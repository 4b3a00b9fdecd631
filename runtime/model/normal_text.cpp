#include "runtime/model/normal_text.h"

#include <utf8proc.h>

#include <cstdlib>
#include <memory>
#include <optional>

#include "runtime/model/utf8.h"

namespace stemma {

namespace {

std::optional<std::string> compose(std::string_view text) {
  utf8proc_uint8_t* result = nullptr;
  const auto options = static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE);
  const auto length = utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                                   static_cast<utf8proc_ssize_t>(text.size()), &result, options);
  const std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> owner(result, &std::free);
  if (length < 0) return {};
  return std::string(reinterpret_cast<const char*>(result), static_cast<size_t>(length));
}

bool is_ascii(char c) { return static_cast<unsigned char>(c) < 0x80; }

void append(NormalText& to, std::string_view text, size_t origin, bool same) {
  for (size_t i = 0; i < text.size(); ++i) to.origins.push_back(static_cast<uint32_t>(same ? origin + i : origin));
  to.text += text;
}

// Composition never crosses the border of a grapheme cluster, so each is composed by itself.
void compose_clusters(NormalText& to, std::string_view text, size_t origin) {
  utf8proc_int32_t state = 0;
  size_t begin = 0;
  auto flush = [&](size_t end) {
    const std::string_view cluster = text.substr(begin, end - begin);
    const std::string result = compose(cluster).value_or(std::string(cluster));
    append(to, result, origin + begin, result == cluster);
    begin = end;
  };
  for (size_t at = 0; at < text.size();) {
    const size_t next = at + utf8_length(text, at);
    const auto here = static_cast<utf8proc_int32_t>(utf8_character(text, at));
    if (next < text.size() &&
        utf8proc_grapheme_break_stateful(here, static_cast<utf8proc_int32_t>(utf8_character(text, next)), &state))
      flush(next);
    at = next;
  }
  flush(text.size());
}

}  // namespace

NormalText composed(std::string_view text) {
  NormalText normal;
  bool changed = false;
  for (size_t at = 0; at < text.size();) {
    // A run: one ASCII character (which composes with nothing before it) or invalid byte, then what is beyond ASCII.
    size_t end = at;
    bool valid = true;
    do {
      const size_t length = utf8_length(text, end);
      valid = length != 0;
      end += valid ? length : 1;
    } while (valid && end < text.size() && !is_ascii(text[end]) && utf8_length(text, end));
    const std::string_view run = text.substr(at, end - at);
    if (valid && run.size() > 1) {
      const auto result = compose(run);
      if (result && *result != run) {
        changed = true;
        compose_clusters(normal, run, at);
        at = end;
        continue;
      }
    }
    append(normal, run, at, true);
    at = end;
  }
  normal.origins.push_back(static_cast<uint32_t>(text.size()));
  if (!changed) normal.origins.clear();
  return normal;
}

}  // namespace stemma
