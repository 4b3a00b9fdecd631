// Who wrote a file, and when.
#pragma once

#include <string>

namespace stemma {

std::string program_version();  // "stemma 0.1.0"
std::string now_utc();          // "2026-01-31T12:00:00Z"

}  // namespace stemma
