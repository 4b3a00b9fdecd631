#include "runtime/model/model_source.h"

#include "runtime/model/gguf_model.h"

namespace stemma {

namespace {

std::filesystem::path tokenizer_path(const ModelFiles& files, const Gguf& gguf) {
  return gguf.has("tokenizer.ggml.tokens") ? files.gguf : files.folder;
}

}  // namespace

ModelConfig read_config(const ModelFiles& files) {
  if (files.gguf.empty()) return read_config(files.folder);
  const GgufFile gguf(files.gguf);
  return parse_config(gguf_config(gguf), gguf.file());
}

std::filesystem::path tokenizer_path(const ModelFiles& files) {
  return files.gguf.empty() ? files.folder : tokenizer_path(files, GgufFile(files.gguf));
}

std::filesystem::path tokenizer_path(const std::filesystem::path& named) {
  std::error_code none;
  return std::filesystem::is_regular_file(named, none) ? named : tokenizer_path(find_model(named));
}

ModelSource open_source(const ModelFiles& files) {
  if (files.gguf.empty()) {
    check_weights_form(files.folder);
    return {read_config(files.folder), Checkpoint(files.folder), files.folder};
  }
  const auto gguf = std::make_shared<const GgufFile>(files.gguf);
  const ModelConfig config = parse_config(gguf_config(*gguf), gguf->file());
  return {config, Checkpoint(gguf, config), tokenizer_path(files, *gguf)};
}

}  // namespace stemma
