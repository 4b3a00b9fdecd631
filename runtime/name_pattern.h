// Lists of names that people write: "blocks.*.mlp.down, blocks.3.*".
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace stemma {

// '*' stands for any letters.
bool matches(std::string_view pattern, std::string_view name);

// Between commas, without the blanks around; empty ones left out.
std::vector<std::string> words_of_list(std::string_view list);

}  // namespace stemma
