// Base64 (RFC 4648), as tokenizer files use it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace stemma {

std::optional<std::string> bytes_of_base64(std::string_view text);  // nothing where it is not base64

}  // namespace stemma
