// Below: what went on inside the model, following the cursor: layers x tokens of its activations, or attention between
// steps and what the token under the cursor looks at most; and whether it was recorded or recomputed. It is read when
// the drawer is open.
#pragma once

#include <QComboBox>
#include <QLabel>
#include <QPushButton>
#include <QWidget>

#include "app/token_attention.h"
#include "viewer/activation_map.h"
#include "viewer/attention_panel.h"

namespace stemma {

class CanvasWidget;

class Drawer : public QWidget {
  Q_OBJECT

 public:
  enum View { activations, attention };

  Drawer(OpenSession* document, Jobs* jobs, TokenAttention* token_attention, QWidget* parent = nullptr);
  void show_view(View view);
  View view() const { return static_cast<View>(view_->currentIndex()); }
  ActivationQuantity quantity() const;
  QLabel* source() { return source_; }
  QPushButton* recompute_button() { return recompute_; }
  const AttentionPanel& attention_panel() const { return attention_; }
  QPushButton* token_button() { return token_; }

 signals:
  void token_attention_wanted();

 protected:
  void showEvent(QShowEvent* event) override;

 private:
  void read();  // where it can be seen; else when it is shown
  void follow_cursor();
  void refresh_source();
  void refresh_choices();
  void refresh_token();

  OpenSession* document_;
  Jobs* jobs_;
  TokenAttention* token_attention_;
  QComboBox *view_, *quantity_, *layer_, *head_;
  QLabel* source_;
  QPushButton* token_;      // asks for what a token looks at
  QPushButton* recompute_;  // becomes Cancel while it runs
  CanvasWidget* canvas_;
  ActivationMapPanel activations_;
  AttentionPanel attention_;
  bool stale_ = true;
};

}  // namespace stemma
