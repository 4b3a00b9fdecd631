#include "app/working_copy.h"

#include "runtime/error.h"

namespace stemma {

namespace fs = std::filesystem;

namespace {
fs::path free_name(const fs::path& folder, const std::string& stem) {
  for (int i = 1;; ++i) {
    const fs::path path = folder / (i == 1 ? stem + ".h5" : stem + "-" + std::to_string(i) + ".h5");
    if (!fs::exists(path)) return path;
  }
}
}  // namespace

void anchor_models(Session& session) {
  for (auto& [hash, model] : session.models) {
    if (!model.path.empty())
      model.path = (fs::absolute(session.path).parent_path() / model.path).lexically_normal().string();
  }
}

Session working_copy(const Session& session, const fs::path& demo, const fs::path& folder) {
  std::error_code error;
  const bool is_demo = !session.path.empty() && fs::equivalent(session.path, demo, error);
  if (!session.path.empty() && !is_demo) return session;
  Session copy = session;
  if (is_demo) anchor_models(copy);
  copy.path = free_name(folder, is_demo ? "demo" : "session");
  fs::create_directories(folder, error);
  const auto copy_file = [&](const fs::path& from, const fs::path& to) {
    if (!fs::exists(from, error)) return;
    fs::copy_file(from, to, error);
    if (error) {
      throw Error(ErrorCode::disk, to.string() + ": a copy of the session cannot be written here (" + error.message() +
                                       "); free some space or save the session elsewhere first");
    }
    fs::permissions(to, fs::perms::owner_write, fs::perm_options::add, error);
  };
  if (is_demo) {
    copy_file(session.path, copy.path);
    copy_file(activations_path(session.path), activations_path(copy.path));
  }
  return copy;
}

}  // namespace stemma
