// SentencePiece's table of character replacements ("precompiled_charsmap"): the size of a double-array trie, the trie
// (Darts: Yata's double array), then the replacements, each ended by a zero byte.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "runtime/model/tokenizer/added_tokens.h"
#include "runtime/model/tokenizer/normalizers.h"

namespace stemma {

enum class Longest {
  of_text,     // whatever is longest at each place, as SentencePiece does
  of_cluster,  // a short grapheme cluster as a whole, else its characters one by one, as the crate `tokenizers` does
};

// `kept`, looked for first, stay as they are where `how` is of_text. Throws Error where the table is broken; `file` is
// for messages.
Normalizer precompiled(std::string_view table, Longest how, const std::string& file, std::vector<AddedToken> kept = {});

}  // namespace stemma
