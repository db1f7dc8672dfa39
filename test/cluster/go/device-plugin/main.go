// Command device-plugin offers devices to a kubelet that no hardware stands behind, so that a test can see how pods get
// them: by the same interface, with the same answers (environment, device nodes) as the plugins of vendors.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	api "k8s.io/kubelet/pkg/apis/deviceplugin/v1beta1"
)

const (
	// socketName of the plugin, beside the kubelet's own.
	socketName = "sluice-test.sock"
	// registerTimeout is generous: a kubelet answers at once or not at all.
	registerTimeout = 10 * time.Second
	// kubeletPoll is how often a restarted kubelet, which forgets its plugins, is looked for.
	kubeletPoll = time.Second
)

// plugin implements the device plugin API with a fixed number of healthy devices.
type plugin struct {
	api.UnimplementedDevicePluginServer
	devices []*api.Device
	// variable of the environment that tells a container which devices it was given.
	variable string
	stop     context.Context
}

func (p *plugin) GetDevicePluginOptions(context.Context, *api.Empty) (*api.DevicePluginOptions, error) {
	return &api.DevicePluginOptions{}, nil
}

// ListAndWatch tells the devices once: they never change.
func (p *plugin) ListAndWatch(_ *api.Empty, stream grpc.ServerStreamingServer[api.ListAndWatchResponse]) error {
	if err := stream.Send(&api.ListAndWatchResponse{Devices: p.devices}); err != nil {
		return err
	}
	select {
	case <-p.stop.Done():
	case <-stream.Context().Done():
	}
	return nil
}

// Allocate answers as NVIDIA's plugin does: the devices by name in a variable, and a device node for each.
func (p *plugin) Allocate(_ context.Context, request *api.AllocateRequest) (*api.AllocateResponse, error) {
	response := &api.AllocateResponse{}
	for _, container := range request.ContainerRequests {
		answer := &api.ContainerAllocateResponse{Envs: map[string]string{p.variable: strings.Join(container.DevicesIds, ",")}}
		for _, id := range container.DevicesIds {
			node := &api.DeviceSpec{ContainerPath: "/dev/" + id, HostPath: "/dev/null", Permissions: "rw"}
			answer.Devices = append(answer.Devices, node)
		}
		log.Printf("allocated %v", container.DevicesIds)
		response.ContainerResponses = append(response.ContainerResponses, answer)
	}
	return response, nil
}

// register makes the plugin known to the kubelet, which then calls back.
func register(directory, resource string) error {
	target := "unix://" + filepath.Join(directory, filepath.Base(api.KubeletSocket))
	connection, err := grpc.NewClient(target, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer connection.Close()
	ctx, cancel := context.WithTimeout(context.Background(), registerTimeout)
	defer cancel()
	request := &api.RegisterRequest{Version: api.Version, Endpoint: socketName, ResourceName: resource}
	_, err = api.NewRegistrationClient(connection).Register(ctx, request, grpc.WaitForReady(true))
	return err
}

// inode of the kubelet's socket: another one means another kubelet.
func inode(path string) uint64 {
	var stat syscall.Stat_t
	if syscall.Stat(path, &stat) != nil {
		return 0
	}
	return stat.Ino
}

func run(directory, resource string, p *plugin) error {
	path := filepath.Join(directory, socketName)
	kubelet := filepath.Join(directory, filepath.Base(api.KubeletSocket))
	for p.stop.Err() == nil {
		if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
			return err
		}
		listener, err := net.Listen("unix", path)
		if err != nil {
			return err
		}
		server := grpc.NewServer()
		api.RegisterDevicePluginServer(server, p)
		go server.Serve(listener) //nolint:errcheck
		before := inode(kubelet)
		if err := register(directory, resource); err != nil {
			return fmt.Errorf("register with the kubelet at %s: %w", kubelet, err)
		}
		log.Printf("registered %s with %d devices", resource, len(p.devices))
		for p.stop.Err() == nil && inode(kubelet) == before {
			select {
			case <-p.stop.Done():
			case <-time.After(kubeletPoll):
			}
		}
		server.Stop()
	}
	return nil
}

func main() {
	directory := flag.String("directory", filepath.Clean(api.DevicePluginPath), "folder of the kubelet's plugin sockets")
	resource := flag.String("resource", "nvidia.com/gpu", "extended resource to offer")
	count := flag.Int("devices", 2, "number of devices")
	variable := flag.String("variable", "NVIDIA_VISIBLE_DEVICES", "variable that tells a container its devices")
	flag.Parse()
	stop, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer cancel()
	p := &plugin{variable: *variable, stop: stop}
	for index := range *count {
		p.devices = append(p.devices, &api.Device{ID: fmt.Sprintf("test-gpu-%d", index), Health: api.Healthy})
	}
	if err := run(*directory, *resource, p); err != nil {
		log.Fatal(err)
	}
}
