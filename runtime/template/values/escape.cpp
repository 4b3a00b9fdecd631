#include "runtime/template/values/escape.h"

#include "runtime/template/limits.h"
#include "runtime/template/values/print.h"

namespace stemma::jinja {

std::string escaped(std::string_view text) {
  work_on_characters(text.size());
  Builder made;
  size_t begin = 0;
  for (size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    const char* entity = c == '&'    ? "&amp;"
                         : c == '>'  ? "&gt;"
                         : c == '<'  ? "&lt;"
                         : c == '\'' ? "&#39;"
                         : c == '"'  ? "&#34;"
                                     : nullptr;
    if (!entity) continue;
    made.add(text.substr(begin, at - begin));
    made.add(entity);
    begin = at + 1;
  }
  made.add(text.substr(begin));
  return made.take();
}

}  // namespace stemma::jinja
