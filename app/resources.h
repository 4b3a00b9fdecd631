// Where the program's data lies: the demo, and the user's own folder.
#pragma once

#include <filesystem>

namespace stemma {

// The folder `resources`: ../share/stemma beside an installed program, else the source tree's. May not exist.
std::filesystem::path resources_folder();

// The bundled demo.
std::filesystem::path demo_session();  // demo.h5
std::filesystem::path demo_model();    // a Hugging Face folder
std::filesystem::path demo_factors();  // EK-FAC curvature of that model
std::filesystem::path demo_corpus();   // corpus.jsonl.zst

// $XDG_DATA_HOME/stemma, else ~/.local/share/stemma: working copies of sessions. Made when first asked for.
std::filesystem::path data_folder();

}  // namespace stemma
