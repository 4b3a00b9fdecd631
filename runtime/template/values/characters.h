// Characters of UTF-8 text that may be broken: a byte that belongs to no character counts as one.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace stemma::jinja {

size_t bytes_of_character(std::string_view text, size_t at);  // 1 to 4
char32_t character_at(std::string_view text, size_t at);      // U+FFFD for a byte that belongs to none
size_t character_before(std::string_view text, size_t end);   // where the character that ends there begins; end > 0
size_t count_characters(std::string_view text);
size_t byte_of_character(std::string_view text, size_t index);  // text.size() past the end
// The bytes of all characters that fit into `most` bytes.
size_t whole_characters(std::string_view text, size_t most);
void append_character(std::string& text, char32_t character);
std::string escape_of(char32_t character);  // Python's \xhh, \uhhhh or \Uhhhhhhhh

// As str.isspace() and the \s of Python's patterns have it.
bool is_space(char32_t character);
// Not escaped by repr().
bool is_printable(char32_t character);
// Of Python's identifiers: letters, digits and the underscore, in any script.
bool is_word_character(char32_t character);

// Without the characters of `chars` (white space, where it is null) at its ends.
std::string_view stripped(std::string_view text, const std::string_view* chars, bool left, bool right);
// Python's str.splitlines().
std::vector<std::string_view> lines_of(std::string_view text, bool keep_ends);
// In linear time. `from` and the answer are bytes; npos where it is not there.
size_t find_text(std::string_view text, std::string_view part, size_t from = 0);
size_t find_last_text(std::string_view text, std::string_view part);

}  // namespace stemma::jinja
