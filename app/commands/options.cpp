#include "app/commands/options.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <iostream>
#include <nlohmann/json.hpp>

#include "app/commands/command.h"
#include "app/commands/terminal.h"

namespace stemma {

CLI::Validator at_least(int64_t least) {
  const auto check = [least](const std::string& text) -> std::string {
    int64_t number = 0;
    if (!CLI::detail::lexical_cast(text, number)) return "'" + text + "' is no whole number";
    return number < least ? fmt::format("{} is less than {}", text, least) : "";
  };
  return {check, least > 0 ? "POSITIVE" : "NONNEGATIVE"};
}

void CorpusOptions::declare(CLI::App& app, int64_t default_sample) {
  sample = default_sample;
  app.add_option("--corpus", paths, "Training documents: .jsonl (also .gz, .zst), .txt, or folders of them")
      ->required()
      ->type_name("PATH");
  auto* some = app.add_option("--sample", sample, "Use this many documents, the same ones every time")
                   ->check(at_least(1))
                   ->type_name("N");
  if (default_sample == 0) some->default_str("all");
  auto* every = app.add_flag("--all", all, "Use every document");
  every->excludes(some);
}

Corpus CorpusOptions::load() const {
  std::vector<std::filesystem::path> files(paths.begin(), paths.end());
  Corpus corpus = load_corpus(files, all ? 0 : sample);
  if (corpus.broken > 0) {
    std::string places;
    for (const auto& place : corpus.broken_places) places += (places.empty() ? "" : "; ") + place;
    tell(harmless(fmt::format("{} broken {} skipped: {}{}", in_thousands(corpus.broken),
                              corpus.broken == 1 ? "line" : "lines", places,
                              corpus.broken > static_cast<int64_t>(corpus.broken_places.size()) ? "; ..." : "")));
  }
  return corpus;
}

void declare_layers(CLI::App& app, LayerChoice& choice) {
  app.add_option("--layers", choice.pattern,
                 "Whose curvature is fitted, separated by commas: all, mlp, attn, or names with * (blocks.*.mlp.down, "
                 "blocks.3.*)")
      ->type_name("LIST");
  app.add_option("--blocks", choice.blocks, "Diagonal blocks of each factor: more take less memory and time")
      ->check(CLI::IsMember({1, 2, 4}));
}

void declare_precision(CLI::App& app, std::string& precision) {
  app.add_option("--precision", precision,
                 "What a scan of low rank multiplies in: f32, or bf16, to which it rounds weights and what meets them "
                 "(where the device multiplies bf16 faster, it does unless told f32); the second stage is f32")
      ->check(CLI::IsMember(precision_names));
}

std::optional<Precision> asked_precision(const std::string& precision, int64_t rank) {
  if (!precision.empty() && rank == 0) throw WrongUsage("--precision is of the first of two stages; give its --rank");
  return precision_named(precision);
}

void declare_device(CLI::App& app, std::string& device) {
  const auto known = [](const std::string& name) -> std::string {
    const bool numbered = name.starts_with("cuda:") && name.size() > 5 && name.size() < 9 &&
                          name.find_first_not_of("0123456789", 5) == std::string::npos;
    return numbered || name == "auto" || name == "cpu" || name == "cuda"
               ? ""
               : "'" + name + "' is no device; use auto, cpu, cuda or cuda:N";
  };
  app.add_option("--device", device, "auto, cpu, cuda or cuda:N")
      ->check(CLI::Validator(known, ""))
      ->type_name("DEVICE");
}

void declare_json(CLI::App& app, bool& json) { app.add_flag("--json", json, "Print machine-readable results"); }

Session open_session(const std::filesystem::path& path) {
  std::string note;
  Session session = load_session(path, &note);
  if (!note.empty()) tell(harmless(note));
  return session;
}

std::string remembered_model(const Session& session, const std::string& hash) {
  const auto facts = session.models.find(hash);
  if (facts == session.models.end() || facts->second.path.empty())
    throw Error(ErrorCode::not_found, session.path.string() + ": does not say where its model lies; give --model DIR");
  const std::filesystem::path remembered = facts->second.path,
                              beside = std::filesystem::absolute(session.path).parent_path();
  for (const auto& folder : {remembered, beside / remembered, beside / remembered.filename()}) {
    std::error_code none;
    if (std::filesystem::exists(folder / "config.json", none) || std::filesystem::is_regular_file(folder, none))
      return folder.string();
  }
  throw Error(ErrorCode::not_found, fmt::format("{}: its model '{}' is no longer at {}; give --model DIR",
                                                session.path.string(), facts->second.name, remembered.string()));
}

nlohmann::ordered_json corpus_facts(const Corpus& corpus) {
  nlohmann::ordered_json facts;
  for (const auto& path : corpus.paths) facts["paths"].push_back(path.string());
  facts["hash"] = corpus.hash;
  facts["documents"] = corpus.documents.size();
  facts["total"] = corpus.total;
  facts["bytes"] = corpus.bytes;
  facts["broken"] = corpus.broken;
  facts["broken_places"] = corpus.broken_places;
  return facts;
}

void print_json(const nlohmann::ordered_json& json) {
  std::cout << json.dump(1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) << "\n";
}

void expect_folder_of(const std::filesystem::path& file) {
  std::error_code none;
  const auto folder = file.parent_path();
  if (!folder.empty() && !std::filesystem::is_directory(folder, none))
    throw WrongUsage(folder.string() + ": no such folder to write " + file.filename().string() +
                     " into; make it first");
}

}  // namespace stemma
