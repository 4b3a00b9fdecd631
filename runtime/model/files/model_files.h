// What a person names as a model, found on disk. Nothing is ever downloaded.
#pragma once

#include <filesystem>
#include <string>

namespace stemma {

struct ModelFiles {
  std::filesystem::path folder;  // canonical; holds config.json, tokenizer and weights, or the GGUF file
  std::filesystem::path gguf;    // the one file that is all of these; empty where the weights are safetensors
  std::string name;              // the folder's or the file's; "org/name" in a Hugging Face cache
  std::string commit;            // the snapshot's in a Hugging Face cache; else empty

  const std::filesystem::path& path() const { return gguf.empty() ? folder : gguf; }
};

// `named` is a folder, a GGUF file, a folder that holds one, a Hugging Face cache's "models--org--name", or a name in
// that cache: "org/name" or "org/name@revision". Throws Error: nothing there, several to choose from. What the folder
// lacks is told by who reads it.
ModelFiles find_model(const std::filesystem::path& named);

// Throws Error for a folder whose weights are in a form that another program has to change first: an adapter alone,
// pickles, shards without their index.
void check_weights_form(const std::filesystem::path& folder);

// Where Hugging Face's tools keep what they downloaded: $HF_HUB_CACHE, $HF_HOME/hub, ~/.cache/huggingface/hub.
std::filesystem::path hugging_face_cache();

// Whether a text is fit to be one name in that cache: of an organisation, a model, a branch, a commit.
bool is_plain_name(const std::string& name);

// The snapshot in a folder "models--org--name" that a revision means: a branch or tag, or a commit; "main" unless said.
// Throws Error: none there, or several of which none is main.
std::filesystem::path find_snapshot(const std::filesystem::path& repository, const std::string& revision);

}  // namespace stemma
