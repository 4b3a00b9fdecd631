#include "runtime/session/store.h"

namespace stemma {

std::string link_name(const std::string& text) {
  if (text.empty()) return "%";
  if (text == ".") return "%2E";
  std::string name;
  for (const char c : text) {
    if (c == '/') {
      name += "%2F";
    } else if (c == '%') {
      name += "%25";
    } else if (c == '\0') {
      name += "%00";
    } else {
      name += c;
    }
  }
  return name;
}

std::string text_of_link(const std::string& name) {
  if (name == "%") return {};
  std::string text;
  for (size_t i = 0; i < name.size(); ++i) {
    const std::string code = name[i] == '%' ? name.substr(i + 1, 2) : "";
    const char c = code == "2F" ? '/' : code == "25" ? '%' : code == "2E" ? '.' : '\0';
    if (c != '\0' || code == "00") {
      text += c;
      i += 2;
    } else {
      text += name[i];
    }
  }
  return text;
}

void write_model(const Hdf5Node& models, const ModelFacts& model) {
  const Hdf5Node node = models.make_group(link_name(model.hash));
  node.set("name", model.name);
  node.set("architecture", model.architecture);
  node.set("path", model.path);
  node.set("layers", model.layers);
  node.set("width", model.width);
  node.set("heads", model.heads);
  node.set("dtype", model.dtype);
  node.set("tokenizer", model.tokenizer_hash);
  if (!model.commit.empty()) node.set("commit", model.commit);
}

ModelFacts read_model(const Hdf5Node& models, const std::string& name) {
  const Hdf5Node node = models.group(name);
  ModelFacts model;
  model.hash = text_of_link(name);
  model.name = node.text("name");
  model.architecture = node.text("architecture");
  model.path = node.text("path");
  model.layers = static_cast<int>(node.integer("layers"));
  model.width = static_cast<int>(node.integer("width"));
  model.heads = static_cast<int>(node.integer("heads"));
  model.dtype = node.text("dtype");
  model.tokenizer_hash = node.text("tokenizer");
  if (node.has_attribute("commit")) model.commit = node.text("commit");
  return model;
}

}  // namespace stemma
