#include "runtime/model/tokenizer/word_pattern.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <fmt/format.h>
#include <pcre2.h>

#include <algorithm>
#include <new>

#include "runtime/error.h"
#include "runtime/model/utf8.h"

namespace stemma {

struct FreePattern {
  void operator()(pcre2_code* code) const { pcre2_code_free(code); }
  void operator()(pcre2_match_context* context) const { pcre2_match_context_free(context); }
  void operator()(pcre2_match_data* data) const { pcre2_match_data_free(data); }
};

namespace {

constexpr size_t longest_pattern = 65536;
constexpr uint32_t match_limit = 50'000'000, depth_limit = 100'000, heap_limit_kibibytes = 65536;

// One a thread and never freed before it ends: words are too many for one each.
pcre2_match_data* match_data() {
  thread_local const std::unique_ptr<pcre2_match_data, FreePattern> data(pcre2_match_data_create(1, nullptr));
  if (!data) throw std::bad_alloc();
  return data.get();
}

}  // namespace

struct WordPattern::Code {
  std::string file;
  std::unique_ptr<pcre2_code, FreePattern> code;
  std::unique_ptr<pcre2_match_context, FreePattern> context;
};

WordPattern::WordPattern(const std::string& pattern, const std::string& file) {
  auto made = std::make_unique<Code>();
  made->file = file;
  int failure = 0;
  size_t place = 0;
  constexpr uint32_t options = PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C;
  if (pattern.size() <= longest_pattern) {
    const std::string written = in_pcre_syntax(pattern, file);
    made->code.reset(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(written.data()), written.size(), options, &failure,
                                   &place, nullptr));
  }
  if (!made->code)
    throw Error(ErrorCode::bad_file, fmt::format("{}: its split pattern is broken at character {}", file, place));
  pcre2_jit_compile(made->code.get(),
                    PCRE2_JIT_COMPLETE);  // where there is no JIT, the interpreter gives the same matches
  made->context.reset(pcre2_match_context_create(nullptr));
  if (!made->context) throw std::bad_alloc();
  pcre2_set_match_limit(made->context.get(), match_limit);
  pcre2_set_depth_limit(made->context.get(), depth_limit);
  pcre2_set_heap_limit(made->context.get(), heap_limit_kibibytes);
  code_ = std::move(made);
}

WordPattern::~WordPattern() = default;
WordPattern::WordPattern(WordPattern&&) noexcept = default;

void WordPattern::find(std::string_view text, std::vector<TextRange>& matches) const {
  const auto* subject = reinterpret_cast<PCRE2_SPTR>(text.data());
  pcre2_match_data* data = match_data();
  auto match = [&](size_t from, uint32_t options) {
    return pcre2_match(code_->code.get(), subject, text.size(), from, PCRE2_NO_UTF_CHECK | options, data,
                       code_->context.get());
  };
  size_t last = std::string_view::npos;  // where the last match ended
  for (size_t from = 0; from <= text.size();) {
    int found = match(from, 0);
    if (found == PCRE2_ERROR_JIT_STACKLIMIT) found = match(from, PCRE2_NO_JIT);
    if (found == PCRE2_ERROR_NOMATCH) break;
    if (found < 0)
      throw Error(ErrorCode::bad_file,
                  fmt::format("{}: its split pattern takes too much work on this text", code_->file));
    const size_t* range = pcre2_get_ovector_pointer(data);
    const size_t begin = range[0], end = range[1];
    if (end < begin || begin < from || (begin == end && end == last)) {  // \K, or nothing once more: a character on
      from = std::max(from, end);
      from += from < text.size() ? utf8_length(text, from) : 1;
      continue;
    }
    matches.push_back({static_cast<uint32_t>(begin), static_cast<uint32_t>(end)});
    last = from = end;
  }
}

}  // namespace stemma
