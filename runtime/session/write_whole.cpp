#include "runtime/session/write_whole.h"

#include <fmt/format.h>

#include "runtime/error.h"
#include "runtime/model/files/replace_file.h"
#include "runtime/session/rename_whole.h"

namespace stemma {

void write_whole(const std::filesystem::path& path, const std::string& what,
                 const std::function<void(const Hdf5Node& root)>& write, Existing existing) {
  const std::filesystem::path beside = name_beside(path);
  bool named = true;
  try {
    Hdf5File file = Hdf5File::open_for(Hdf5File::Mode::create, beside);
    write(file.root());
    file.close();
    if (existing == Existing::replace)
      rename_whole(beside, path);
    else
      named = name_whole(beside, path);
  } catch (const Error&) {
    std::error_code failed;
    std::filesystem::remove(beside, failed);
    throw Error(ErrorCode::disk, fmt::format("{}: {} cannot be written; is the disk full, or the folder closed to you?",
                                             path.string(), what));
  }
  if (!named)
    throw Error(ErrorCode::does_not_fit,
                path.string() + ": was written meanwhile; another program adds to it, wait until that has finished");
}

}  // namespace stemma
