#include "runtime/program.h"

#include <ctime>

namespace stemma {

std::string program_version() { return "stemma " STEMMA_VERSION; }

std::string now_utc() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

}  // namespace stemma
