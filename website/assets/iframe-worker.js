// A page that is opened as a file may start no worker. The search runs in a hidden frame instead, which is of the page's own origin.
if (location.protocol === "file:")
  window.Worker = class {
    constructor(address) {
      this.onmessage = this.onerror = this.onmessageerror = null
      this.frame = document.createElement("iframe")
      this.frame.hidden = true
      this.frame.title = "search"
      document.body.append(this.frame)
      const inside = this.frame.contentWindow
      inside.postMessage = data => setTimeout(() => this.onmessage?.({ data: structuredClone(data) }))
      this.ready = new Promise(resolve => {
        const script = inside.document.createElement("script")
        script.src = address
        script.onload = resolve
        script.onerror = event => this.onerror?.(event)
        inside.document.body.append(script)
      })
    }

    postMessage(data) {
      const copy = structuredClone(data) // as a worker gets it: both sides change what they have
      this.ready.then(() => this.frame.contentWindow.onmessage({ data: copy }))
    }

    terminate() {
      this.frame.remove()
    }
  }
