#include "runtime/model/inspect.h"

#include "runtime/error.h"
#include "runtime/model/files/checkpoint.h"
#include "runtime/model/files/gguf_model.h"
#include "runtime/model/files/json_file.h"
#include "runtime/model/files/model_source.h"
#include "runtime/model/load_weights.h"

namespace stemma {

namespace {

template <class Action>
void note_failure(ModelReport& report, Action action) {
  try {
    action();
  } catch (const Error& error) {
    auto& list = error.code() == ErrorCode::not_found     ? report.missing
                 : error.code() == ErrorCode::unsupported ? report.unsupported
                                                          : report.broken;
    for (const std::string& known : list)
      if (known == error.what()) return;
    list.push_back(error.what());
  }
}

void count(ModelReport& report, const StoredTensor& tensor) { report.stored[tensor.dtype] += tensor.size(); }

void inspect_folder(ModelReport& report) {
  const auto& folder = report.files.folder;
  note_failure(report, [&] {
    report.config_text = read_text(folder / "config.json", largest_config);
    report.config = parse_config(report.config_text, (folder / "config.json").string());
  });
  note_failure(report, [&] {
    check_weights_form(folder);
    const Checkpoint checkpoint(folder);
    for (const auto& [name, found] : checkpoint.tensors()) count(report, *found.tensor);
    report.shards = checkpoint.files();
    if (report.config) check_weights(checkpoint, *report.config);
  });
}

void inspect_gguf(ModelReport& report) {
  std::shared_ptr<const GgufFile> gguf;
  note_failure(report, [&] { gguf = std::make_shared<const GgufFile>(report.files.gguf); });
  if (!gguf) return;
  report.shards = 1;
  for (const StoredTensor& tensor : gguf->tensors()) count(report, tensor);
  note_failure(report, [&] {
    report.config_text = gguf_config(*gguf);
    report.config = parse_config(report.config_text, gguf->file());
  });
  note_failure(report, [&] {
    if (!report.config) return;
    const Checkpoint checkpoint(gguf, *report.config);
    const double kept = loaded_bytes(checkpoint, *report.config, *make_cpu_ops(), Dtype::automatic);
    if (kept < loaded_bytes(checkpoint, *report.config, *make_cpu_ops(), Dtype::f32)) report.kept_bytes = kept;
  });
}

}  // namespace

ModelReport inspect_model(const ModelFiles& files) {
  ModelReport report;
  report.files = files;
  files.gguf.empty() ? inspect_folder(report) : inspect_gguf(report);
  note_failure(report, [&] { report.tokenizer = std::make_shared<const Tokenizer>(tokenizer_path(files)); });
  note_failure(report, [&] {
    report.chat = chat_template_of(files);
    if (report.chat) report.chat->check();
  });
  note_failure(report, [&] {
    if (report.config && report.tokenizer) check_tokenizer(*report.tokenizer, *report.config, files);
  });
  return report;
}

}  // namespace stemma
