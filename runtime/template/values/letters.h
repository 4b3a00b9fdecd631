// Upper and lower case and kinds of characters, as Python's str has them.
#pragma once

#include <string>
#include <string_view>

namespace stemma::jinja {

std::string upper_case(std::string_view text);
std::string lower_case(std::string_view text);
std::string folded_case(std::string_view text);
std::string swapped_case(std::string_view text);
std::string capitalized(std::string_view text);  // the first character in title case, the others in lower case
std::string titled(std::string_view text);       // each run of letters capitalized

bool is_upper(std::string_view text);  // and the others: of all its characters, false for none
bool is_lower(std::string_view text);
bool is_title(std::string_view text);
bool is_alphabetic(std::string_view text);
bool is_decimal(std::string_view text);
bool is_digit(std::string_view text);
bool is_numeric(std::string_view text);
bool is_alphanumeric(std::string_view text);
bool is_identifier(std::string_view text);

}  // namespace stemma::jinja
