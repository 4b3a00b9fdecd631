#include "runtime/train/checkpoint.h"

#include <fstream>
#include <nlohmann/json.hpp>

#include "runtime/model/files/replace_file.h"
#include "runtime/train/training_record.h"

namespace stemma {
namespace {

std::filesystem::path state_path(const std::filesystem::path& folder) { return folder / "training.state"; }

}  // namespace

// One line of JSON, then the three arrays raw.
void save_checkpoint(const TrainingState& c, const std::filesystem::path& folder) {
  std::filesystem::create_directories(folder);
  FileReplacement file(state_path(folder));
  file.write(nlohmann::json{{"fingerprint", c.fingerprint}, {"step", c.step},     {"tokens", c.tokens},
                            {"seconds", c.seconds},         {"size", c.weights.size()}, {"curve", curve_json(c.curve)},
                            {"loss sum", c.loss_sum},       {"norm sum", c.norm_sum}}
                 .dump() + "\n");
  for (const auto* values : {&c.weights, &c.first, &c.second}) file.write(std::as_bytes(std::span(*values)));
  file.commit();
}

bool load_checkpoint(const std::filesystem::path& folder, const std::string& fingerprint, TrainingState& c) {
  std::ifstream in(state_path(folder), std::ios::binary);
  std::string line;
  if (!in || !std::getline(in, line)) return false;
  const auto head = nlohmann::json::parse(line, nullptr, false);
  if (!head.is_object() || head.value("fingerprint", "") != fingerprint) return false;
  const auto size = head.value("size", size_t{0});
  const auto start = static_cast<uintmax_t>(in.tellg());
  if (std::filesystem::file_size(state_path(folder)) != start + 3 * size * sizeof(float)) return false;
  c.fingerprint = fingerprint;
  c.step = head.value("step", int64_t{0});
  c.tokens = head.value("tokens", int64_t{0});
  c.seconds = head.value("seconds", 0.0);
  c.loss_sum = head.value("loss sum", 0.0);
  c.norm_sum = head.value("norm sum", 0.0);
  c.curve = curve_from_json(head.value("curve", nlohmann::json::array()));
  for (auto* values : {&c.weights, &c.first, &c.second}) {
    values->resize(size);
    in.read(reinterpret_cast<char*>(values->data()), static_cast<std::streamsize>(size * sizeof(float)));
  }
  return static_cast<bool>(in);
}

}  // namespace stemma
