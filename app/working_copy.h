// Where a change to the open session is written.
#pragma once

#include "runtime/session/session.h"

namespace stemma {

// `session` itself where it has a file of its own. The bundled demo, or a session without a file, gets a copy in
// `folder` under a name that is free. Copies the activations beside it. Archive or compute thread. Throws Error.
Session working_copy(const Session& session, const std::filesystem::path& demo, const std::filesystem::path& folder);

// Models that are remembered by a path relative to the session's folder, by their whole path: before the session moves.
void anchor_models(Session& session);

}  // namespace stemma
