#include "runtime/model/files/model_source.h"

#include "runtime/model/files/gguf_model.h"

namespace stemma {

namespace {

std::filesystem::path tokenizer_path(const ModelFiles& files, const Gguf& gguf) {
  return gguf.has("tokenizer.ggml.tokens") ? files.gguf : files.folder;
}

std::optional<ChatTemplate> chat_template_of(const ModelFiles& files, const Gguf& gguf) {
  return gguf.has("tokenizer.ggml.tokens") ? gguf_chat_template(gguf) : find_chat_template(files.folder);
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

std::optional<ChatTemplate> chat_template_of(const ModelFiles& files) {
  return files.gguf.empty() ? find_chat_template(files.folder) : chat_template_of(files, GgufFile(files.gguf));
}

ModelSource open_source(const ModelFiles& files) {
  if (files.gguf.empty()) {
    check_weights_form(files.folder);
    return {read_config(files.folder), Checkpoint(files.folder), files.folder, find_chat_template(files.folder)};
  }
  const auto gguf = std::make_shared<const GgufFile>(files.gguf);
  const ModelConfig config = parse_config(gguf_config(*gguf), gguf->file());
  return {config, Checkpoint(gguf, config), tokenizer_path(files, *gguf), chat_template_of(files, *gguf)};
}

}  // namespace stemma
