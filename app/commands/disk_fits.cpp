#include "app/commands/disk_fits.h"

#include <fmt/format.h>

#include "app/commands/terminal.h"
#include "runtime/error.h"

namespace stemma {

void expect_disk_to_fit(const std::filesystem::path& file, double bytes, const std::string& what,
                        const std::string& remedy) {
  std::error_code unknown;
  const auto space = std::filesystem::space(std::filesystem::absolute(file).parent_path(), unknown);
  if (unknown || static_cast<double>(space.available) >= bytes) return;
  throw Error(ErrorCode::disk, fmt::format("{}: {} will take {} and {} are free there; {}", file.string(), what,
                                           in_bytes(bytes), in_bytes(static_cast<double>(space.available)), remedy));
}

}  // namespace stemma
