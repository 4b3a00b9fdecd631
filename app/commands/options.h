// What several commands ask for in the same words, and the work that follows from it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "runtime/corpus/corpus.h"
#include "runtime/influence/curvature/factors.h"
#include "runtime/influence/precision.h"
#include "runtime/model/model.h"
#include "runtime/session/session.h"

namespace CLI {
class App;
class Validator;
}

namespace stemma {

// --corpus PATH... [--sample N | --all]
struct CorpusOptions {
  std::vector<std::string> paths;
  int64_t sample = 20000;
  bool all = false;

  void declare(CLI::App& app, int64_t default_sample);  // 0: all documents unless --sample is given
  Corpus load() const;                                  // tells of broken lines on standard error
};

// Of whole numbers: refuses smaller ones.
CLI::Validator at_least(int64_t least);

// --layers all|mlp|attn|PATTERN, --blocks O
void declare_layers(CLI::App& app, LayerChoice& choice);
// --precision, which asked_precision reads; empty: not asked. Throws WrongUsage where no stage is of low rank.
void declare_precision(CLI::App& app, std::string& precision);
std::optional<Precision> asked_precision(const std::string& precision, int64_t rank);
void declare_device(CLI::App& app, std::string& device);
void declare_json(CLI::App& app, bool& json);

// The session at `path`; what was recovered from a crash is told on standard error.
Session open_session(const std::filesystem::path& path);

// Where the session's model of that hash lies: where it remembers it, or beside the session, which may have moved
// together with it. Throws Error where it is gone.
std::string remembered_model(const Session& session, const std::string& hash);

nlohmann::ordered_json corpus_facts(const Corpus& corpus);
// On standard output, as one document; bytes that are not UTF-8 become U+FFFD.
void print_json(const nlohmann::ordered_json& json);

// Throws WrongUsage unless the folder that `file` is to be written into exists.
void expect_folder_of(const std::filesystem::path& file);

}  // namespace stemma
