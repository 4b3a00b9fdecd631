#include "app/commands/info.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <fstream>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "app/commands/command.h"
#include "app/commands/options.h"
#include "app/commands/terminal.h"
#include "runtime/error.h"
#include "runtime/session/file_kind.h"
#include "runtime/session/session.h"

namespace stemma {

namespace {

using Json = nlohmann::ordered_json;

struct InfoArguments {
  std::string path;
  bool devices = false, json = false;
};

Json hdf5_info(const std::filesystem::path& path) {
  const std::optional<std::string> kind = kind_of_hdf5(path);
  if (kind == "stemma-factors") return factors_info(path);
  if (kind == "stemma-index") return index_info(path);
  if (kind == "stemma-index-part")
    throw Error(ErrorCode::unsupported,
                path.string() + ": a part of an index; name the index, the file without a number");
  if (kind && kind != "stemma-session")
    throw Error(ErrorCode::unsupported, path.string() + ": an HDF5 file of another program; h5ls lists what it holds");
  return session_info(path);
}

Json info_of(const std::filesystem::path& path) {
  std::error_code none;
  if (is_model(path)) return model_info(path);
  if (std::filesystem::is_directory(path, none)) try {
      return corpus_info(path);
    } catch (const Error& error) {
      throw Error(error.code(), std::string(error.what()) + "; a model's folder has a config.json");
    }
  if (!std::filesystem::exists(path, none) && session_exists(path))
    return hdf5_info(path);  // a crash left its log alone
  std::ifstream file(path, std::ios::binary);
  if (!std::filesystem::exists(path, none) || !file)
    throw Error(ErrorCode::not_found, path.string() + ": no such file, or it cannot be read");
  char start[8] = {};
  file.read(start, sizeof start);
  const auto extension = path.extension();
  if (std::string_view(start, 8) == "\x89HDF\r\n\x1a\n" || extension == ".h5" || extension == ".hdf5")
    return hdf5_info(path);
  if (extension == ".safetensors") return safetensors_info(path);
  if (path.filename() == "tokenizer.json") return tokenizer_info(path);
  for (const auto* known : {".jsonl", ".json", ".gz", ".zst", ".txt"})
    if (extension == known) return corpus_info(path);
  throw Error(ErrorCode::unsupported,
              path.string() +
                  ": not a kind of file that stemma knows (model folder, .gguf, .safetensors, tokenizer.json, session, "
                  "factors or index .h5, corpus .jsonl, .gz, .zst, .txt)");
}

std::string plain(const std::string& key, const Json& value) {
  if (value.is_string()) return harmless(value.get<std::string>());
  if (value.is_number_integer()) return in_thousands(value.get<int64_t>());
  if (value.is_boolean()) return value.get<bool>() ? "yes" : "no";
  if (value.is_null()) return key == "bos" || key == "eos" ? "none, the tokenizer has no such token" : "not known";
  return value.dump();
}

// Names that files give, among words of ours.
bool lists_names(const std::string& key) {
  for (const char* known : {"tensors", "stored_numbers", "sources", "memory"})
    if (key == known) return true;
  return false;
}

void print_facts(const Json& facts, int depth, bool names = false) {
  const std::string indent(static_cast<size_t>(2 * depth), ' ');
  for (const auto& [key, value] : facts.items()) {
    const bool size = !names && key.ends_with("bytes") && value.is_number();
    std::string name = facts.is_array() ? "-" : key == "bytes" ? "size" : harmless(key);
    if (size && name.ends_with("_bytes")) name.resize(name.size() - std::string_view("_bytes").size());
    if (!names) std::replace(name.begin(), name.end(), '_', ' ');
    if (size)
      std::cout << indent << name << ": " << in_bytes(value.get<double>()) << "\n";
    else if (value.is_array() && value.empty())
      std::cout << indent << name << ": none\n";
    else if (value.is_structured()) {
      std::cout << indent << name << ":\n";
      print_facts(value, depth + 1, lists_names(key));
    } else
      std::cout << indent << name << (facts.is_array() ? " " : ": ") << plain(key, value) << "\n";
  }
}

int run(const InfoArguments& options) {
  if (options.path.empty() && !options.devices) throw WrongUsage("name a file or folder, or give --devices");
  Json facts;
  if (!options.path.empty()) facts = info_of(options.path);
  if (options.devices) facts["devices"] = devices_info();
  if (options.json)
    print_json(facts);
  else
    print_facts(facts, 0);
  // The facts are told; that the thing cannot be used is a failure all the same.
  if (facts.contains("broken") && facts["broken"].is_array())
    throw Error(ErrorCode::bad_file, facts["broken"][0].get<std::string>());
  return 0;
}

}  // namespace

Run setup_info(CLI::App& app) {
  auto options = std::make_shared<InfoArguments>();
  app.add_option("path", options->path,
                 "Model (folder, .gguf, org/name), session, factors, index, corpus, .safetensors or tokenizer.json")
      ->type_name("FILE|DIR");
  app.add_flag("--devices", options->devices, "Say what can run here, and what is missing");
  declare_json(app, options->json);
  return [options] { return run(*options); };
}

}  // namespace stemma
