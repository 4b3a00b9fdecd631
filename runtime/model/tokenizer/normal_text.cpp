#include "runtime/model/tokenizer/normal_text.h"

#include <utf8proc.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <numeric>
#include <optional>

#include "runtime/error.h"
#include "runtime/model/tokenizer/newer_characters.h"
#include "runtime/model/utf8.h"

namespace stemma {

namespace {

std::optional<std::string> normal(std::string_view text, NormalForm form) {
  int options = UTF8PROC_STABLE;
  options |= form == NormalForm::nfc || form == NormalForm::nfkc ? UTF8PROC_COMPOSE : UTF8PROC_DECOMPOSE;
  if (form == NormalForm::nfkc || form == NormalForm::nfkd) options |= UTF8PROC_COMPAT;
  utf8proc_uint8_t* result = nullptr;
  const auto length =
      utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()), static_cast<utf8proc_ssize_t>(text.size()),
                   &result, static_cast<utf8proc_option_t>(options));
  const std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> owner(result, &std::free);
  if (length < 0) return {};
  return std::string(reinterpret_cast<const char*>(result), static_cast<size_t>(length));
}

bool is_ascii(char c) { return static_cast<unsigned char>(c) < 0x80; }

// Characters that stay what they are, whatever stands beside them.
bool is_inert(char32_t character, NormalForm form) {
  const char32_t first = form == NormalForm::nfc ? 0x300 : 0xA0;
  return character < first || (character >= 0x3400 && character <= 0x9FFF) ||
         (form == NormalForm::nfc && character >= 0x2010 && character <= 0x2023);
}

bool stays(std::string_view text, NormalForm form) {
  for (size_t at = ascii_length(text, 0); at < text.size(); at += ascii_length(text, at)) {
    const size_t length = utf8_length(text, at);
    if (length && !is_inert(utf8_character(text, at), form)) return false;
    at += length ? length : 1;
  }
  return true;
}

// What the normal forms of Unicode 9 do not know stays, and what stands on either side of it is apart.
bool is_unknown(std::string_view text, size_t at) {
  const char32_t character = utf8_character(text, at);
  return character >= 0x300 && flips(character, NewerCharacters::normal_forms);
}

// Cluster by cluster, so that offsets stay close; false where a change crosses the border of a cluster.
bool rewrite_clusters(std::string_view run, size_t origin, NormalForm form, const std::string& whole, Rewriter& to) {
  struct Cluster {
    size_t begin, end;
    std::string result;
  };
  std::vector<Cluster> clusters;
  utf8proc_int32_t state = 0;
  size_t begin = 0;
  std::string together;
  for (size_t at = 0; at < run.size();) {
    const size_t next = at + utf8_length(run, at);
    const auto here = static_cast<utf8proc_int32_t>(utf8_character(run, at));
    if (next >= run.size() ||
        utf8proc_grapheme_break_stateful(here, static_cast<utf8proc_int32_t>(utf8_character(run, next)), &state)) {
      const std::string_view cluster = run.substr(begin, next - begin);
      clusters.push_back({begin, next, normal(cluster, form).value_or(std::string(cluster))});
      together += clusters.back().result;
      begin = next;
    }
    at = next;
  }
  if (together != whole) return false;
  for (const Cluster& cluster : clusters)
    if (cluster.result == run.substr(cluster.begin, cluster.end - cluster.begin))
      to.keep(origin + cluster.begin, origin + cluster.end);
    else
      to.put(cluster.result, origin + cluster.begin);
  return true;
}

}  // namespace

Rewriter::Rewriter(const NormalText& from) : from_(from), to_{from.original, from.has_origins, std::string()} {
  to_.written->reserve(from.text().size());
  if (to_.has_origins) to_.origins.reserve(from.text().size() + 1);
}

void Rewriter::keep(size_t begin, size_t end) {
  *to_.written += from_.text().substr(begin, end - begin);
  if (!to_.has_origins) return;
  if (!from_.origins.empty()) {
    to_.origins.insert(to_.origins.end(), from_.origins.begin() + static_cast<ptrdiff_t>(begin),
                       from_.origins.begin() + static_cast<ptrdiff_t>(end));
    return;
  }
  const size_t old = to_.origins.size();
  to_.origins.resize(old + end - begin);
  std::iota(to_.origins.begin() + static_cast<ptrdiff_t>(old), to_.origins.end(), static_cast<uint32_t>(begin));
}

void Rewriter::put(std::string_view text, size_t at) {
  constexpr size_t most_growth = 32, always_allowed = 1'000'000;
  if (size() + text.size() > always_allowed + from_.text().size() * most_growth)
    throw Error(ErrorCode::does_not_fit, "the tokenizer's normalizer makes this text many times as long; cut the text");
  *to_.written += text;
  if (to_.has_origins) to_.origins.resize(to_.origins.size() + text.size(), from_.origin(at));
}

NormalText Rewriter::finish(size_t end) {
  if (to_.has_origins) to_.origins.push_back(from_.origin(end));
  return std::move(to_);
}

void bring_to(NormalForm form, NormalText& normal_text) {
  const std::string_view text = normal_text.text();
  if (stays(text, form)) return;
  Rewriter to(normal_text);
  for (size_t at = 0; at < text.size();) {
    // A run: one ASCII character (which composes with nothing before it) or invalid byte, then what is beyond ASCII.
    size_t end = at;
    bool valid = true;
    do {
      const size_t length = utf8_length(text, end);
      valid = length != 0;
      end += valid ? length : 1;
    } while (valid && end < text.size() && !is_ascii(text[end]) && utf8_length(text, end) && !is_unknown(text, at) &&
             !is_unknown(text, end));
    const std::string_view run = text.substr(at, end - at);
    const auto result = valid && run.size() > 1 && !is_unknown(text, at) ? normal(run, form) : std::nullopt;
    if (!result || *result == run)
      to.keep(at, end);
    else if (!rewrite_clusters(run, at, form, *result, to))
      to.put(*result, at);
    at = end;
  }
  normal_text = to.finish(text.size());
}

}  // namespace stemma
